// Another commit's gee, driven by this benchmark: its src under our scripts.

import { cpSync, symlinkSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { ownFolder } from "./processes.ts";
import { root } from "../steps.ts";

const ourFolder = fileURLToPath(import.meta.resolve("./"));

/** What git does not know, or cannot do here. The message says what. */
export class GitError extends Error {}

/** Runs git, which only reads. @throws GitError when it fails or is not there */
function git(...args: readonly string[]): Uint8Array {
  if (Bun.which("git") === null) {
    throw new GitError("git is not installed, and without it there is no commit to compare with");
  }
  const command = ["git", "--no-optional-locks", "-C", root, ...args];
  const { success, stdout, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
  if (!success) throw new GitError(`git ${args[0]} failed: ${stderr.toString().trim()}`);
  return stdout;
}

function textOf(...args: readonly string[]): string {
  return Buffer.from(git(...args))
    .toString()
    .trim();
}

/** The whole name of a commit. @throws GitError when there is none of that name */
export function commitOf(name: string): string {
  textOf("rev-parse", "--git-dir");
  try {
    return textOf("rev-parse", "--verify", "--end-of-options", `${name}^{commit}`);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw new GitError(
      `git has no commit ${name} here` +
        (textOf("rev-parse", "--is-shallow-repository") === "true"
          ? " (this clone is shallow: git fetch --unshallow)"
          : ""),
    );
  }
}

/** As people write a commit. */
export function shortName(commit: string): string {
  return commit.slice(0, 10);
}

/** What of the working tree no commit holds, of all that gee is made of. */
const madeOf = ["src", "package.json", "bun.lock", "tsconfig.json"] as const;

/** Files that gee is made of and that differ from HEAD, new ones too. @throws GitError */
export function uncommitted(): readonly string[] {
  return textOf("status", "--porcelain", "--", ...madeOf)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/^\S+\s+/, ""));
}

/** Files that gee is made of and that differ between a commit and the working tree. */
export function differences(commit: string): readonly string[] {
  const changed = textOf("diff", "--name-only", commit, "--", ...madeOf).split("\n");
  const added = textOf("ls-files", "--others", "--exclude-standard", "--", "src").split("\n");
  return [...changed, ...added].filter((path) => path !== "");
}

/** A commit's gee, to be run. */
export interface Before {
  readonly commit: string;
  /** The program that runs one end of it. */
  readonly program: string;
}

/**
 * Puts the src of a commit into a folder of its own, beside a copy of this benchmark. It runs with the
 * packages that are installed here. @throws GitError
 */
export function checkOut(commit: string): Before {
  const archive = git("archive", "--format=tar", commit, "src", "package.json", "tsconfig.json");
  const folder = ownFolder();
  const tar = ["tar", "-x", "-C", folder];
  const { success, stderr } = Bun.spawnSync(tar, { stdin: archive, stderr: "pipe" });
  if (!success) throw new GitError(`tar failed: ${stderr.toString().trim()}`);
  symlinkSync(`${root}/node_modules`, `${folder}/node_modules`);
  cpSync(ourFolder, `${folder}/scripts/bench`, {
    recursive: true,
    filter: (path) => basename(path) !== "node_modules",
  });
  cpSync(`${root}/scripts/steps.ts`, `${folder}/scripts/steps.ts`);
  return { commit, program: `${folder}/scripts/bench/peer.ts` };
}
