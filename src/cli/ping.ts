import { GeeError } from "../base/errors.ts";
import { printable } from "../base/log.ts";
import { sleep, systemClock } from "../base/time.ts";
import { connectOptions, withNextStep } from "./connecting.ts";
import { formatDuration } from "./durations.ts";
import { callExitCode, type Output } from "./output.ts";
import type { PingInvocation } from "./ping-args.ts";
import { pingRound, type PingRound, type ServicePing } from "./ping-round.ts";

/** Between two tries. */
const pauseMs = 200;

/**
 * `gee ping`: says whether the registries and the servers are well. Exits 0 when all is, 1 when it is
 * not, 78 when nobody can be reached; with `--wait` only when that has not changed for so long.
 */
export async function runPing(invocation: PingInvocation, output: Output): Promise<number> {
  const { waitMs, timeoutMs, service, target, quiet } = invocation;
  const startedAt = systemClock.now();
  const options = connectOptions(invocation, output);
  const leftMs = (): number => startedAt + waitMs - systemClock.now();
  let round = await look({ options, service, timeoutMs });
  while (round.failure !== undefined && leftMs() > 0) {
    if (!quiet) output.progress(`waiting ${formatDuration(leftMs())}: ${round.failure.message}`);
    await sleep(systemClock, Math.min(pauseMs, leftMs()));
    // The last try has its time as well: what is well at the end is well.
    round = await look({ options, service, timeoutMs: Math.min(timeoutMs, leftMs() + pauseMs) });
  }
  const { failure, unreachable } = round;
  if (!quiet) {
    output.progress("");
    await print(round, systemClock.now() - startedAt, output);
    if (failure !== undefined) await output.error(withNextStep(failure, target));
  }
  if (failure === undefined) return 0;
  return unreachable ? callExitCode(new GeeError("UNAVAILABLE", failure.message)) : 1;
}

/** One try; what it cannot find out within its time is a failure as well. */
async function look(request: Parameters<typeof pingRound>[0]): Promise<PingRound> {
  try {
    return await pingRound(request);
  } catch (thrown) {
    const failure = GeeError.from(thrown);
    // Wrong usage is no state that passes.
    if (failure.code === "INVALID_ARGUMENT") throw failure;
    return { registries: [], services: [], failure, unreachable: true };
  }
}

/** How far away, for people. */
function tripText(tripMs: number): string {
  return tripMs < 1 ? `${Number(tripMs.toFixed(2))}ms` : formatDuration(tripMs);
}

function serviceLines(service: ServicePing, width: number): readonly string[] {
  const { name, instances, ok, draining, suspect, p50Ms, troubles } = service;
  const parts = [
    name.padEnd(width),
    `${ok}/${instances} ok`,
    ...(draining > 0 ? [`${draining} draining`] : []),
    ...(suspect > 0 ? [`${suspect} suspect`] : []),
    ...(p50Ms === null ? [] : [`p50 ${tripText(p50Ms)}`]),
  ];
  return [
    parts.join("   "),
    ...troubles.map(({ address, state, why }) => {
      const who = state === "up" ? address : `${address} (${state})`;
      return `  ${who}   ${printable(why)}`;
    }),
  ];
}

async function print(round: PingRound, tookMs: number, output: Output): Promise<void> {
  const { registries, services, failure } = round;
  if (output.json) {
    await output.value({ well: failure === undefined, registries, services, tookMs });
    return;
  }
  const width = Math.max("registry".length, ...services.map(({ name }) => name.length));
  const lines = [
    ...registries.map(({ url, roundTripMs }) =>
      [
        "registry".padEnd(width),
        new URL(url).origin,
        ...(roundTripMs === null ? ["away"] : ["ok", tripText(roundTripMs)]),
      ].join("   "),
    ),
    ...services.flatMap((service) => serviceLines(service, width)),
  ];
  if (lines.length > 0) await output.data(lines.join("\n"));
}
