// Another commit's gee, driven by this benchmark: its src under our scripts.

import { cpSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ownFolder } from "./processes.ts";
import { root } from "../steps.ts";

const ourFolder = fileURLToPath(import.meta.resolve("./"));

/** Runs git, which only reads; undefined when it fails or is not there. */
function git(...args: readonly string[]): Uint8Array | undefined {
  if (Bun.which("git") === null) return undefined;
  const { success, stdout } = Bun.spawnSync(["git", "--no-optional-locks", "-C", root, ...args], {
    stderr: "ignore",
  });
  return success ? stdout : undefined;
}

/** A commit's gee, to be run. */
export interface Before {
  readonly commit: string;
  /** The program that runs one end of it. */
  readonly program: string;
}

/** The commit that what stands in the folder now is compared with. */
function commitBefore(): string {
  const changes = git("status", "--porcelain", "--", "src");
  return changes === undefined || changes.length === 0 ? "HEAD~" : "HEAD";
}

/**
 * Puts the src of a commit into a folder of its own, beside a copy of this benchmark. Returns why
 * instead when that cannot be done.
 */
export function checkOut(wanted: string = commitBefore()): Before | string {
  const name = git("rev-parse", "--short", "--verify", `${wanted}^{commit}`);
  if (name === undefined) return `git has no commit ${wanted}`;
  const commit = Buffer.from(name).toString().trim();
  const archive = git("archive", "--format=tar", commit, "src", "package.json", "tsconfig.json");
  if (archive === undefined) return `git cannot show ${commit}`;
  const folder = ownFolder();
  const tar = ["tar", "-x", "-C", folder];
  const { success, stderr } = Bun.spawnSync(tar, { stdin: archive, stderr: "pipe" });
  if (!success) return `tar failed: ${stderr.toString().trim()}`;
  symlinkSync(`${root}/node_modules`, `${folder}/node_modules`);
  cpSync(ourFolder, `${folder}/scripts/bench`, { recursive: true });
  cpSync(`${root}/scripts/steps.ts`, `${folder}/scripts/steps.ts`);
  return { commit, program: `${folder}/scripts/bench/peer.ts` };
}
