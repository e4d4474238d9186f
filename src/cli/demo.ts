import { GeeError } from "../base/errors.ts";
import { systemClock } from "../base/time.ts";
import { connect, type Gee } from "../client.ts";
import { serveRegistry } from "../registry.ts";
import { serve, type Server } from "../server.ts";
import { Foo } from "./demo-service.ts";
import { formatDuration } from "./durations.ts";
import { toJson } from "./json.ts";
import type { Output } from "./output.ts";

const sleepSeconds = 5;
const sleepTimeoutMs = 2_000;

/** What the servers saw, so that the story can tell who answered. */
class Witness {
  answered: string[] = [];
  cancelled: string[] = [];

  /** Who answered since the last look. */
  take(): string {
    const names = this.answered.splice(0).sort();
    return names.length === 0 ? "nobody" : names.join(" and ");
  }
}

class WatchedFoo extends Foo {
  readonly #name: string;
  readonly #witness: Witness;

  constructor(name: string, witness: Witness) {
    super();
    this.#name = name;
    this.#witness = witness;
  }

  override Sum(a: number, b: number): number {
    this.#witness.answered.push(this.#name);
    return super.Sum(a, b);
  }

  override async Sleep(seconds: number, b: number): Promise<number> {
    try {
      return await super.Sleep(seconds, b);
    } catch (thrown) {
      this.#witness.cancelled.push(this.#name);
      throw thrown;
    }
  }
}

/** Tells one step of the story. */
type Tell = (
  step: string,
  text: string,
  fields?: Readonly<Record<string, unknown>>,
) => Promise<void>;

/**
 * `gee demo`: a registry, two servers, five calls, a broadcast and a broadcast that times out, in
 * one process over real sockets. Exits 1 when anything goes otherwise than the story says.
 */
export async function runDemo(output: Output): Promise<number> {
  const tell: Tell = (step, text, fields = {}) =>
    output.data(output.json ? toJson({ step, ...fields }) : `${step.padEnd(10)} ${text}`);
  const startedAt = systemClock.now();
  const log = output.log("warn");
  const witness = new Witness();
  const wrong: string[] = [];
  {
    await using stack = new AsyncDisposableStack();
    const registry = stack.use(await serveRegistry({ listen: "127.0.0.1:0", log }));
    await tell("registry", registry.url, { url: registry.url });
    for (const name of ["server 1", "server 2"]) {
      const server = await serve({
        services: { Foo: new WatchedFoo(name, witness) },
        registry: registry.url,
        log,
      });
      // Nobody but this process calls it: there is nothing to wait for before it closes.
      stack.defer(() => server.stop({ lameDuckMs: 0 }));
      await server.registered;
      await tell(name, describe(server), { address: server.address, id: server.id });
    }
    const gee = stack.use(connect({ registry: registry.url, policy: "round-robin", log }));
    await fiveCalls(gee, witness, tell, wrong);
    await broadcastSum(gee, witness, tell, wrong);
    await broadcastSleep(gee, tell, wrong);
  }
  // The servers have drained: whatever their handlers were to notice, they have noticed.
  const cancelled = witness.cancelled.sort();
  await tell("cancelled", `Foo.Sleep in ${cancelled.join(" and ")}`, { cancelled });
  if (cancelled.length !== 2) wrong.push(`the time-out reached ${cancelled.length} handlers of 2`);
  const tookMs = systemClock.now() - startedAt;
  await tell("stopped", `the servers and the registry   [${formatDuration(tookMs)}]`, { tookMs });
  for (const message of wrong) await output.error(new GeeError("INTERNAL", message));
  return wrong.length === 0 ? 0 : 1;
}

function describe({ address, services }: Server): string {
  const served = services.map(({ name, methods }) => `${name} (${methods.join(", ")})`);
  return `${address}   ${served.join("   ")}`;
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; tookMs: number }> {
  const startedAt = systemClock.now();
  const value = await work();
  return { value, tookMs: systemClock.now() - startedAt };
}

async function fiveCalls(gee: Gee, witness: Witness, tell: Tell, wrong: string[]): Promise<void> {
  for (let i = 1; i <= 5; i++) {
    const args = [i, i * i];
    const { value, tookMs } = await timed(() => gee.call("Foo.Sum", args));
    const by = witness.take();
    await tell(
      "call",
      `Foo.Sum ${args.join(" ")} = ${value}   by ${by}   ${formatDuration(tookMs)}`,
      {
        method: "Foo.Sum",
        args,
        value,
        by,
        tookMs,
      },
    );
    if (value !== i + i * i) wrong.push(`Foo.Sum ${args.join(" ")} gave ${value}`);
  }
}

async function broadcastSum(
  gee: Gee,
  witness: Witness,
  tell: Tell,
  wrong: string[],
): Promise<void> {
  const args = [3, 4];
  const { value, tookMs } = await timed(() => gee.broadcast("Foo.Sum", args));
  const by = witness.take();
  await tell("broadcast", `Foo.Sum 3 4 = ${value}   by ${by}   ${formatDuration(tookMs)}`, {
    method: "Foo.Sum",
    args,
    value,
    by,
    tookMs,
  });
  if (value !== 7) wrong.push(`the broadcast of Foo.Sum 3 4 gave ${value}`);
  if (by !== "server 1 and server 2") wrong.push(`the broadcast reached ${by}`);
}

async function broadcastSleep(gee: Gee, tell: Tell, wrong: string[]): Promise<void> {
  const args = [sleepSeconds, 1];
  const { value: error, tookMs } = await timed(() =>
    gee.broadcast("Foo.Sleep", args, { timeoutMs: sleepTimeoutMs }).then(
      () => undefined,
      (thrown: unknown) => GeeError.from(thrown),
    ),
  );
  const code = error?.code ?? "a result";
  await tell(
    "broadcast",
    `Foo.Sleep ${args.join(" ")} with a time-out of ${formatDuration(sleepTimeoutMs)}: ${code} after ${formatDuration(tookMs)}`,
    { method: "Foo.Sleep", args, timeoutMs: sleepTimeoutMs, code, tookMs },
  );
  if (code !== "DEADLINE_EXCEEDED") wrong.push(`the broadcast of Foo.Sleep ended with ${code}`);
  // Wide, because a busy machine is late; a time-out that never comes is what it is to catch.
  if (tookMs < sleepTimeoutMs - 50 || tookMs > sleepTimeoutMs + 2_000) {
    wrong.push(`the time-out of ${sleepTimeoutMs} ms came after ${Math.round(tookMs)} ms`);
  }
}
