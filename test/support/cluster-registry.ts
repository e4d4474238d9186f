// A registry as a process of its own. Its one argument is JSON; it says where it is on stdout.

import { serveRegistry } from "../../src/index.ts";

// When the test is gone, so is this.
process.stdin.once("end", () => process.exit(1)).resume();

const registry = await serveRegistry(JSON.parse(process.argv[2] ?? "{}"));
console.log(JSON.stringify({ url: registry.url }));
