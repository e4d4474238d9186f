import { address, cache, json, registry, timeout, tokenFile } from "./command-spec.ts";
import type { CommandSpec } from "./command-spec.ts";

/** `gee types` as the help shows it. */
export const typesSpec: CommandSpec = {
  name: "types",
  usage: "[SERVICE ...]",
  arguments: [0, Number.POSITIVE_INFINITY],
  summary: "prints TypeScript declarations of what running servers serve",
  flags: [
    {
      name: "out",
      short: "o",
      value: "FILE",
      text: "write them to a file; it is replaced as a whole",
    },
    {
      name: "check",
      value: "FILE",
      text: "compare the file with the servers: exit 1 when they no longer fit what was built with it",
    },
    { name: "exact", text: "with --check: exit 1 when anything differs, be it only something new" },
    { name: "library", text: "the declarations of gee itself, for editors; no server is asked" },
    registry,
    address,
    timeout,
    cache,
    tokenFile,
    json,
  ],
  notes: [
    "Without a name it is every service there is. Docs come along, private methods do not. A file that",
    "has them, and gee's own, types a client without a package or a source of the server:",
    'connect().service("Foo"). With --json it is the contracts, for connect({ contract }); --check',
    "takes either.",
  ],
  examples: [
    "gee types Foo > foo.d.ts",
    "gee types --out services.d.ts",
    "gee types --check services.d.ts",
    "gee types --library --out gee.d.ts",
  ],
};
