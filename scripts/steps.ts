// What the scripts share. Imports nothing that has to be installed.

import { join } from "node:path";

/** The repository. */
export const root: string = join(import.meta.dir, "..");

/**
 * Runs a command in the repository, its output going where ours goes, and returns its exit code.
 * `bun` stands for the very Bun that runs this, which need not be on the PATH.
 */
export async function run(
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<number> {
  const [program = "", ...args] = command;
  const child = Bun.spawn([program === "bun" ? process.execPath : program, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["inherit", "inherit", "inherit"],
  });
  return child.exited;
}

async function version(manifest: string): Promise<string | undefined> {
  const file = Bun.file(manifest);
  return (await file.exists()) ? (await file.json()).version : undefined;
}

/** Installs the dependencies of the lock file unless each is there in its version. */
export async function install(): Promise<void> {
  const manifest = await Bun.file(join(root, "package.json")).json();
  const wanted: Record<string, string> = { ...manifest.dependencies, ...manifest.devDependencies };
  const there = await Promise.all(
    Object.entries(wanted).map(
      async ([name, exact]) =>
        (await version(join(root, "node_modules", name, "package.json"))) === exact,
    ),
  );
  if (there.every(Boolean)) return;
  const exitCode = await run(["bun", "install", "--frozen-lockfile"]);
  if (exitCode !== 0) process.exit(exitCode);
}

/** Builds ./gee unless it is younger than all that goes into it. */
export async function buildWhenStale(): Promise<void> {
  const built = Bun.file(join(root, "gee"));
  const builtAt = (await built.exists()) ? built.lastModified : 0;
  const sources = [
    "package.json",
    "bun.lock",
    "tsconfig.json",
    "scripts/build.ts",
    "scripts/embed.ts",
    ...new Bun.Glob("src/**/*").scanSync(root),
  ];
  if (sources.every((path) => Bun.file(join(root, path)).lastModified < builtAt)) return;
  const exitCode = await run(["bun", "scripts/build.ts"]);
  if (exitCode !== 0) process.exit(exitCode);
}
