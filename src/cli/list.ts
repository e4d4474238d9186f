import { GeeError } from "../base/errors.ts";
import { nearest } from "../base/names.ts";
import { connect, type Gee } from "../client.ts";
import type { ListInvocation } from "./args.ts";
import { connectOptions, withNextStep } from "./connecting.ts";
import { tellRegistries } from "./registry-states.ts";
import { formatDuration } from "./durations.ts";
import { callExitCode, type Output } from "./output.ts";
import { table, type Column } from "./table.ts";
import { within } from "./within.ts";

type Member = Awaited<ReturnType<Gee["members"]>>[number];

/** Stands for the services of a server that does not name them. */
const unnamed = "?";

/** Of a hash, in a table: enough to see that two are not the same. */
const shownDigits = 6;

interface ServiceRow {
  readonly service: string;
  readonly instances: number;
  readonly suspect: number;
  readonly draining: number;
  readonly versions: readonly string[];
  readonly addresses: readonly string[];
}

interface InstanceRow {
  readonly id: string | null;
  readonly address: string;
  readonly services: readonly string[] | null;
  readonly state: string;
  readonly ageMs: number;
  readonly beatMs: number;
  readonly weight: number;
  readonly load: number | null;
  readonly version: string | null;
  /** The hash of the service's contract. */
  readonly contract: string | null;
  readonly zone: string | null;
  /** What those share that one supervisor has started. */
  readonly group: string | null;
  readonly draining: boolean;
  readonly revision: number;
}

const serviceColumns: readonly Column<ServiceRow>[] = [
  { heading: "SERVICE", text: ({ service }) => service },
  { heading: "INSTANCES", text: ({ instances }) => `${instances}` },
  { heading: "SUSPECT", text: ({ suspect }) => (suspect === 0 ? "" : `${suspect}`) },
  { heading: "DRAINING", text: ({ draining }) => (draining === 0 ? "" : `${draining}`) },
  { heading: "VERSIONS", text: ({ versions }) => versions.join(",") },
  { heading: "ADDRESSES", text: ({ addresses }) => addresses.join(",") },
];

const instanceColumns: readonly Column<InstanceRow>[] = [
  { heading: "INSTANCE", text: ({ id }) => id ?? unnamed },
  { heading: "ADDRESS", text: ({ address }) => address },
  { heading: "STATE", text: ({ state }) => state },
  { heading: "AGE", text: ({ ageMs }) => formatDuration(ageMs) },
  { heading: "BEAT", text: ({ beatMs }) => formatDuration(beatMs) },
  { heading: "WEIGHT", text: ({ weight }) => `${weight}` },
  { heading: "LOAD", text: ({ load }) => (load === null ? "" : `${load}`) },
  { heading: "VERSION", text: ({ version }) => version ?? "" },
  { heading: "CONTRACT", text: ({ contract }) => contract?.slice(0, shownDigits) ?? "" },
  { heading: "ZONE", text: ({ zone }) => zone ?? "" },
  { heading: "GROUP", text: ({ group }) => shortGroup(group ?? "") },
];

/** A supervisor's own is as long as an id. */
function shortGroup(group: string): string {
  return /^[0-9a-f]{32}$/.test(group) ? group.slice(0, shownDigits) : group;
}

function contractOf({ contracts = {} }: Member, service: string): string | null {
  return Object.hasOwn(contracts, service) ? (contracts[service] ?? null) : null;
}

function servicesOf(member: Member): readonly string[] {
  return member.services ?? [unnamed];
}

/** One row for each service, by name. */
export function serviceRows(members: readonly Member[]): readonly ServiceRow[] {
  const names = [...new Set(members.flatMap(servicesOf))].sort();
  return names.map((service) => {
    const own = members.filter((member) => servicesOf(member).includes(service));
    const versions = own.flatMap(({ version }) => (version === undefined ? [] : [version]));
    return {
      service,
      instances: own.length,
      suspect: own.filter(({ state }) => state === "suspect").length,
      draining: own.filter(({ draining }) => draining).length,
      versions: [...new Set(versions)].sort(),
      addresses: own.map(({ address }) => address),
    };
  });
}

/** One row for each instance of a service. */
export function instanceRows(members: readonly Member[], service: string): readonly InstanceRow[] {
  return members
    .filter((member) => servicesOf(member).includes(service))
    .map((member) => ({
      id: member.id ?? null,
      address: member.address,
      services: member.services ?? null,
      state: member.draining && member.state === "up" ? "draining" : member.state,
      ageMs: Math.round(member.ageMs ?? 0),
      beatMs: Math.round(member.beatMs ?? 0),
      weight: member.weight,
      load: member.load ?? null,
      version: member.version ?? null,
      contract: contractOf(member, service),
      zone: member.zone ?? null,
      group: member.group ?? null,
      draining: member.draining,
      revision: member.revision,
    }));
}

/** `gee list`: the services that are served, or the instances of one. */
export async function runList(invocation: ListInvocation, output: Output): Promise<number> {
  await using gee = connect(connectOptions(invocation, output));
  let members: readonly Member[];
  try {
    members = (await within(invocation.timeoutMs, "no answer", gee.members())).filter(
      ({ state }) => state !== "left",
    );
  } catch (thrown) {
    const error = withNextStep(GeeError.from(thrown), invocation.target);
    await output.error(error);
    return callExitCode(error);
  }
  await show(members, invocation.service, output);
  await tellRegistries(gee, invocation, output);
  return 0;
}

async function show(
  members: readonly Member[],
  service: string | undefined,
  output: Output,
): Promise<void> {
  if (service === undefined) {
    const rows = serviceRows(members);
    await print(rows, serviceColumns, output);
    if (rows.length === 0) await output.talk("empty", "no server is registered");
    return;
  }
  const rows = instanceRows(members, service);
  await print(rows, instanceColumns, output);
  if (rows.length > 0) return;
  const unknown = members.filter(({ services }) => services === undefined).length;
  await output.talk("empty", nobodyServes(service, members, unknown), { service, unknown });
}

/** @param unknown how many there are of whom nobody knows what they serve */
function nobodyServes(service: string, members: readonly Member[], unknown: number): string {
  const listed = new Set(members.flatMap(({ services }) => services ?? []));
  // Of a method's name, the service.
  const meant = nearest(service, listed) ?? nearest(service.split(".", 1)[0] ?? "", listed);
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  if (unknown === 0) return `nobody serves ${service}${hint}`;
  const those = unknown === 1 ? "one server does" : `${unknown} servers do`;
  return `nobody says to serve ${service}; ${those} not say what (gee list ${unnamed})${hint}`;
}

async function print<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  output: Output,
): Promise<void> {
  if (output.json) await output.value(rows);
  else if (rows.length > 0) {
    await output.data(table(rows, columns, output.terminal ? output.columns : undefined));
  }
}
