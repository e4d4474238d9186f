// A registry as a process of its own. Its one argument is JSON; it says where it is on stdout.

import { serveRegistry } from "../../src/index.ts";

const registry = await serveRegistry(JSON.parse(process.argv[2] ?? "{}"));
process.stdin.once("end", () => process.exit(1)).resume();
console.log(JSON.stringify({ url: registry.url }));
