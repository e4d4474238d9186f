// Installs what is missing, builds ./gee where it is stale, and lets it tell its story.

import { buildWhenStale, install, root, run } from "./steps.ts";

await install();
await buildWhenStale();
process.exit(await run([`${root}/gee`, "demo", ...process.argv.slice(2)]));
