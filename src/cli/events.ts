import { GeeError } from "../base/errors.ts";
import { connect, type Gee } from "../client.ts";
import type { EventsInvocation } from "./args.ts";
import { connectOptions, withNextStep } from "./connecting.ts";
import { toJson } from "./json.ts";
import { callExitCode, type Output } from "./output.ts";
import { catchStopSignals } from "./signals.ts";

type Member = Awaited<ReturnType<Gee["members"]>>[number];

/** What happened to a member, as the list shows it. */
export interface MemberEvent {
  readonly event: "up" | "suspect" | "draining" | "changed" | "gone";
  readonly id: string | null;
  readonly address: string;
  readonly services: readonly string[] | null;
}

function keyOf(member: Member): string {
  return member.id ?? member.address;
}

/** What the list says a member is. */
function standing(member: Member): "up" | "suspect" | "draining" {
  if (member.state === "suspect") return "suspect";
  return member.draining ? "draining" : "up";
}

function eventOf(event: MemberEvent["event"], member: Member): MemberEvent {
  return {
    event,
    id: member.id ?? null,
    address: member.address,
    services: member.services ?? null,
  };
}

/** What of a member may change while it stays what it is. */
function facts({ address, services, weight, tags }: Member): string {
  return JSON.stringify([address, services ?? null, weight, tags ?? null]);
}

/** What has happened between two lists. The first list is what was there before. */
export function memberEvents(
  before: readonly Member[],
  after: readonly Member[],
): readonly MemberEvent[] {
  const known = new Map(before.map((member) => [keyOf(member), member]));
  const events: MemberEvent[] = [];
  for (const member of after) {
    const was = known.get(keyOf(member));
    known.delete(keyOf(member));
    if (was === undefined || standing(was) !== standing(member)) {
      events.push(eventOf(standing(member), member));
    } else if (facts(was) !== facts(member)) {
      events.push(eventOf("changed", member));
    }
  }
  for (const member of known.values()) events.push(eventOf("gone", member));
  return events;
}

function line({ event, id, address, services }: MemberEvent): string {
  return `${event.padEnd(9)} ${address}   ${id ?? "?"}   ${services?.join(",") ?? "?"}`;
}

/**
 * `gee events`: what happens to members, a line each, until SIGINT or SIGTERM, or until nobody reads
 * it any more.
 */
export async function runEvents(invocation: EventsInvocation, output: Output): Promise<number> {
  using signals = catchStopSignals();
  // The trouble of a registry is part of what happens.
  await using gee = connect(connectOptions(invocation, output, "warn"));
  const watching = watch(gee, output).then(
    () => 0,
    async (thrown: unknown) => {
      const error = withNextStep(GeeError.from(thrown), invocation.target);
      await output.error(error);
      return callExitCode(error);
    },
  );
  return await Promise.race([watching, signals.first.then(({ exitCode }) => exitCode)]);
}

async function watch(gee: Gee, output: Output): Promise<void> {
  let before: readonly Member[] = [];
  for await (const members of gee.watchMembers()) {
    for (const event of memberEvents(before, members)) {
      await output.data(output.json ? toJson(event) : line(event));
      if (output.closed) return;
    }
    before = members;
  }
}
