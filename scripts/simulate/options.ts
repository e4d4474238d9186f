import { parseArgs } from "node:util";
import { isPolicyName, policyNames } from "../../src/base/policy-name.ts";
import type { PolicyName } from "../../src/base/policy-name.ts";
import { nearest } from "../../src/base/names.ts";
import type { Claim } from "./claim.ts";
import { claims } from "./claims.ts";

/** What a run is to do. */
export interface Options {
  readonly members: number;
  readonly seed: number;
  /** Undefined: one seed, and the table. */
  readonly seeds: number | undefined;
  readonly claims: readonly Claim[];
  /** The rows of the table; none when single claims were asked for. */
  readonly policies: readonly PolicyName[];
}

/** Thrown for arguments that make no sense. The message says what would. */
export class UsageError extends Error {}

const width = Math.max(...claims.map(({ name }) => name.length));

/** What `--help` prints. */
export const usage: string = `bun scripts/simulate.ts [--members N] [--seed S] [--seeds K] [--claim NAME] [--policy NAME]

Runs the client's core against simulated servers, registry and network, on virtual time. Prints what
each policy makes of a fleet in which some members are slow, fail, drain, join and are cut off, and then
what is claimed of the client, with the figures that it came to. Exits with 1 when a claim fails.

  --members N    members of the table's fleet, 3 to 10,000; 100 unless it is said
  --seed S       what all chance comes from; 1 unless it is said
  --seeds K      the claims over K seeds from S on, with the worst figure of each, and no table
  --claim NAME   only these claims (several with commas), and no table
  --policy NAME  only these rows of the table (several with commas)

claims:
${claims.map(({ name, what }) => `  ${name.padEnd(width)}  ${what}`).join("\n")}

policies: ${policyNames.join(", ")}
`;

function count(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  const range = `${least.toLocaleString("en")} to ${most.toLocaleString("en")}`;
  throw new UsageError(`--${name} is ${JSON.stringify(text)}; a number from ${range} is expected`);
}

/** What names separated by commas stand for. */
function named<T>(
  kind: string,
  text: string,
  known: readonly string[],
  find: (name: string) => T | undefined,
): readonly T[] {
  return text.split(",").map((part) => {
    const name = part.trim();
    const found = find(name);
    if (found !== undefined) return found;
    const near = nearest(name, known);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    throw new UsageError(
      `there is no ${kind} ${JSON.stringify(name)}${hint} (there are ${known.join(", ")})`,
    );
  });
}

function claimsOf(text: string): readonly Claim[] {
  const names = claims.map(({ name }) => name);
  return named("claim", text, names, (wanted) => claims.find(({ name }) => name === wanted));
}

function policiesOf(text: string): readonly PolicyName[] {
  return named("policy", text, policyNames, (name) => (isPolicyName(name) ? name : undefined));
}

/** Reads the command line. @throws UsageError */
export function parseOptions(args: readonly string[]): Options | "help" {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        claim: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
        members: { type: "string", default: "100" },
        policy: { type: "string" },
        seed: { type: "string", default: "1" },
        seeds: { type: "string" },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help) return "help";
  const { claim, policy, seeds } = values;
  const rows = policy === undefined ? policyNames : policiesOf(policy);
  return {
    members: count("members", values.members, 3, 10_000),
    seed: count("seed", values.seed, 0, 2 ** 32 - 1),
    seeds: seeds === undefined ? undefined : count("seeds", seeds, 1, 100_000),
    claims: claim === undefined ? claims : claimsOf(claim),
    policies: claim === undefined && seeds === undefined ? rows : [],
  };
}
