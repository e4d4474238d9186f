import { address, cache, json, registry, timeout, tokenFile } from "./command-spec.ts";
import type { CommandSpec } from "./command-spec.ts";

/** `gee describe` as the help shows it. */
export const describeSpec: CommandSpec = {
  name: "describe",
  alias: "desc",
  usage: "SERVICE[.METHOD]",
  arguments: [1, 1],
  summary: "tells what a running server says of a service: signatures, docs, calls to copy",
  flags: [
    registry,
    address,
    timeout,
    cache,
    tokenFile,
    { name: "json-schema", text: "the arguments and the result as JSON Schema 2020-12" },
    json,
  ],
  notes: [
    "The server read it from its TypeScript source; arguments are checked against it before a method",
    "runs. What is unknown is not checked. Of several instances the contract is shown that most have.",
    "What every server has of its own can be named too: gee.Health, gee.Reflection.",
  ],
  examples: ["gee describe Foo", "gee describe Foo.Sum", "gee desc Foo --json"],
};
