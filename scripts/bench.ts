// Unary calls between two processes of this machine: Foo.Sum(1, 2) over one connection, with 1, 64
// and 512 calls in flight. Each caller waits for its answer before it calls again (closed loop), so
// the latencies are those of a server that is as busy as it can be.
//
//   bun run bench [--json] [--seconds N]

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { install } from "./steps.ts";

interface Measurement {
  readonly inFlight: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of one core that the calling process used, garbage collection included. */
  readonly clientCpu: number;
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "3" },
    server: { type: "boolean", default: false },
  },
});

await install();
const { connect, serve } = await import("../src/index.ts");

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }
}

if (values.server) {
  const server = await serve({ services: { Foo: new Foo() } });
  console.log(server.address);
} else {
  await measureAll(Number(values.seconds) * 1_000);
}

async function measureAll(durationMs: number): Promise<void> {
  const child = Bun.spawn([process.execPath, import.meta.path, "--server"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const { value } = await child.stdout.getReader().read();
    const address = new TextDecoder().decode(value).trim();
    await using gee = connect({ address });
    const foo = gee.service<Foo>("Foo");
    const measurements: Measurement[] = [];
    for (const inFlight of [1, 64, 512]) {
      await measure(() => foo.Sum(1, 2), inFlight, durationMs / 3);
      measurements.push(await measure(() => foo.Sum(1, 2), inFlight, durationMs));
    }
    print(measurements);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}

async function measure(
  call: () => Promise<number>,
  inFlight: number,
  durationMs: number,
): Promise<Measurement> {
  const latenciesMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const caller = async (): Promise<void> => {
    for (;;) {
      const calledAt = performance.now();
      if (calledAt - startedAt >= durationMs) return;
      const sum = await call();
      if (sum !== 3) throw new Error(`1 + 2 gave ${sum}`);
      latenciesMs.push(performance.now() - calledAt);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  const tookMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return {
    inFlight,
    callsPerSecond: Math.round(sorted.length / (tookMs / 1_000)),
    p50Ms: Number(at(0.5).toFixed(3)),
    p99Ms: Number(at(0.99).toFixed(3)),
    clientCpu: Number(((user + system) / 1_000 / tookMs).toFixed(2)),
  };
}

function print(measurements: readonly Measurement[]): void {
  const machine = { bun: Bun.version, cores: cpus().length, cpu: cpus()[0]?.model ?? "unknown" };
  if (values.json) {
    console.log(JSON.stringify({ ...machine, method: "Foo.Sum", measurements }));
    return;
  }
  console.log(
    `Foo.Sum(1, 2), two processes, one connection, ${machine.cores} cores, ${machine.cpu}`,
  );
  console.log("in flight     calls/s        p50        p99   client's core");
  for (const { inFlight, callsPerSecond, p50Ms, p99Ms, clientCpu } of measurements) {
    console.log(
      [
        String(inFlight).padStart(9),
        callsPerSecond.toLocaleString("en").padStart(11),
        `${p50Ms}ms`.padStart(10),
        `${p99Ms}ms`.padStart(10),
        `${Math.round(clientCpu * 100)}%`.padStart(15),
      ].join(" "),
    );
  }
}
