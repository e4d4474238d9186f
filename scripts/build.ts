// Builds ./gee, the one executable: gee itself, the library that it hands to modules, what reads
// their source, and Bun.

import { mkdir, mkdtemp, rename, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { embed } from "./embed.ts";
import { root } from "./steps.ts";

/** Builds ./gee and returns its size in bytes. Whoever runs an older one keeps it. */
export async function build(): Promise<number> {
  // Built aside and moved: a file that runs cannot be written to, and half of one is never seen.
  await mkdir(join(root, ".build"), { recursive: true });
  const aside = await mkdtemp(join(root, ".build/gee-"));
  try {
    const { plugin, define } = await embed(aside);
    await Bun.build({
      // The thread that beats is found beside what starts it, so all of them lie in one folder.
      entrypoints: [join(root, "src/main.ts"), join(root, "src/discovery/beat-worker.ts")],
      naming: { entry: "[name].[ext]" },
      compile: {
        outfile: join(aside, "gee"),
        // A person's modules are resolved as their own tsconfig.json and package.json say ...
        autoloadTsconfig: true,
        autoloadPackageJson: true,
        // ... but a directory that gee happens to be started in must not run code or set variables.
        autoloadBunfig: false,
        autoloadDotenv: false,
      },
      plugins: [plugin],
      define,
      format: "esm",
      minify: true,
      bytecode: true,
      // A chunk for each command: 3 ms less to start than one file that holds them all.
      splitting: true,
      sourcemap: "linked",
    });
    await rename(join(aside, "gee"), join(root, "gee"));
  } finally {
    await rm(aside, { recursive: true, force: true });
    // Another build may be at work in it.
    await rmdir(join(root, ".build")).catch(() => {});
  }
  return (await stat(join(root, "gee"))).size;
}

if (import.meta.main) {
  const startedAt = performance.now();
  const bytes = await build();
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`built ./gee   ${(bytes / 1e6).toFixed(1)} MB   [${seconds}s]`);
}
