// `bun run bench --guard`: what is compared with what, and what is said of it.

import { readBaseline, thisMachine, writeBaseline } from "./baseline.ts";
import { checkOut, commitOf, differences, shortName, uncommitted } from "./before.ts";
import { BaselineError } from "./baseline.ts";
import { baselineOf, guard } from "./guard.ts";
import type { GuardRow } from "./guard-rows.ts";
import { guardExitCode, guardFoot, guardHead, guardText } from "./guard-report.ts";

/** What `--guard` is to do. */
export interface GuardOptions {
  readonly rows: readonly GuardRow[];
  /** The commit; undefined for the one that the working tree comes from. */
  readonly against: string | undefined;
  /** Where figures of the working tree, which has to be a commit, are written. */
  readonly save: string | undefined;
  /** Where they were, and which commit is held against then. */
  readonly baseline: string | undefined;
  readonly json: boolean;
}

/** What the working tree is called. @throws GitError */
function treeName(): string {
  const count = uncommitted().length;
  const head = shortName(commitOf("HEAD"));
  return count === 0 ? head : `the working tree (${head} with changes in ${count} files)`;
}

function say(options: GuardOptions, text: string): void {
  if (!options.json) console.log(text);
}

async function save(options: GuardOptions, file: string): Promise<0> {
  const changed = uncommitted();
  if (changed.length > 0) {
    throw new BaselineError(
      `--save: a baseline is of a commit, and ${changed.length} files have changes that none holds ` +
        `(${changed.slice(0, 3).join(", ")}${changed.length > 3 ? ", ..." : ""})`,
    );
  }
  const commit = commitOf("HEAD");
  const startedAt = performance.now();
  say(options, guardHead(shortName(commit), "itself: what the machine makes of no change", false));
  const work = { rows: options.rows, before: undefined, baseline: undefined };
  const reports = await guard(work, (report) => say(options, guardText(report)));
  const baseline = baselineOf(commit, reports);
  writeBaseline(file, baseline);
  say(options, `\nsaved ${file}: ${shortName(commit)} on machine ${baseline.machine.id}`);
  const tookSeconds = (performance.now() - startedAt) / 1_000;
  if (options.json) console.log(JSON.stringify({ ...baseline, tookSeconds, control: reports }));
  return 0;
}

/**
 * Runs the guard. Returns the exit code: 1 when a row costs more than it may.
 * @throws BaselineError, GitError, PeerFailed
 */
export async function runGuard(options: GuardOptions): Promise<0 | 1> {
  if (options.save !== undefined) return save(options, options.save);
  const baseline = options.baseline === undefined ? undefined : readBaseline(options.baseline);
  const name = baseline?.commit ?? options.against ?? (uncommitted().length > 0 ? "HEAD" : "HEAD~");
  const commit = commitOf(name);
  const changed = differences(commit);
  const tree = treeName();
  if (changed.length === 0 && name === "HEAD~") {
    say(options, `${tree}: nothing that gee is made of differs from ${shortName(commit)}`);
    if (options.json) console.log(JSON.stringify({ benchmark: "gee guard", commit, rows: [] }));
    return 0;
  }
  const startedAt = performance.now();
  const before = shortName(commit) + (changed.length === 0 ? ", which is the same: a control" : "");
  say(options, guardHead(tree, before, baseline !== undefined));
  if (changed.includes("bun.lock")) {
    say(options, "(bun.lock differs: both run with the packages that are installed here)");
  }
  const work = { rows: options.rows, before: checkOut(commit), baseline };
  const reports = await guard(work, (report) => say(options, guardText(report)));
  const tookSeconds = (performance.now() - startedAt) / 1_000;
  say(options, `\n${guardFoot(reports, tookSeconds)}`);
  if (options.json) {
    const machine = thisMachine();
    const head = { benchmark: "gee guard", commit, tree, machine, tookSeconds };
    console.log(JSON.stringify({ ...head, rows: reports }));
  }
  return guardExitCode(reports);
}
