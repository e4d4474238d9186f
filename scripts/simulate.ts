// Runs the real core of a client (routing, balancing, retries, ejection, resolver, connections, wire)
// against simulated servers, registry and network, on virtual time: what the policies make of a fleet,
// and whether what is claimed of the client holds. The same seed prints the same.
//
//   bun scripts/simulate.ts [--members N] [--seed S] [--seeds K] [--claim NAME] [--policy NAME]

import { holds } from "./simulate/claim.ts";
import { parseOptions, usage, UsageError } from "./simulate/options.ts";
import type { Options } from "./simulate/options.ts";
import { claimLines, figuresOf, tableLines, worstOf } from "./simulate/report.ts";
import type { Reported } from "./simulate/report.ts";
import { fleetOf, rowOf } from "./simulate/table.ts";

/** Clients where it takes a crowd of them. */
const crowd = 10_000;

/** Lets pass what is not of virtual time: that nobody handled a rejection is told then. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs what is wanted and hands each line to `print`; whether all claims hold. */
export async function simulate(
  { members, seed, seeds = 1, claims, policies }: Options,
  print: (line: string) => void,
): Promise<boolean> {
  const reported: Reported[] = [];
  if (policies.length > 0) {
    print(`seed ${seed}`);
    const fleet = fleetOf(members);
    const rows = [];
    for (const policy of policies) {
      const row = rowOf(fleet, policy, seed);
      rows.push(row);
      for (const figure of figuresOf([{ figures: [], wrongs: row.wrongs }])) {
        const again = `--members ${members} --seed ${seed} --policy ${policy}`;
        reported.push({ claim: `table, ${policy}`, figure, seed, again });
      }
      await breathe();
    }
    for (const line of tableLines(fleet, rows)) print(line);
  } else {
    print(seeds > 1 ? `seeds ${seed} to ${seed + seeds - 1}` : `seed ${seed}`);
  }
  for (let next = seed; next < seed + seeds; next++) {
    for (const claim of claims) {
      for (const figure of figuresOf(claim.run(next, crowd))) {
        const again = `--claim ${claim.name} --seed ${next}`;
        reported.push({ claim: claim.name, figure, seed: next, again });
      }
      await breathe();
    }
  }
  for (const line of claimLines(worstOf(reported), seeds)) print(line);
  return reported.every(({ figure }) => holds(figure));
}

async function main(args: readonly string[]): Promise<number> {
  let options;
  try {
    options = parseOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\nbun scripts/simulate.ts --help says what there is`);
    return 2;
  }
  if (options === "help") {
    console.log(usage.trimEnd());
    return 0;
  }
  return (await simulate(options, console.log)) ? 0 : 1;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
