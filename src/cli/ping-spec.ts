import { address, json, registry, timeout, tokenFile } from "./command-spec.ts";
import type { CommandSpec } from "./command-spec.ts";

/** `gee ping` as the help shows it. */
export const pingSpec: CommandSpec = {
  name: "ping",
  usage: "[SERVICE|ADDRESS]",
  arguments: [0, 1],
  summary: "says whether the registry and the servers are well, and how far away",
  flags: [
    {
      name: "wait",
      value: "DURATION",
      env: "GEE_WAIT",
      text: "until all is well, try again for so long",
    },
    registry,
    { ...address, text: "ping these servers, without a registry" },
    { ...timeout, text: "what one try may take" },
    tokenFile,
    { name: "quiet", text: "print nothing: the exit code says it all" },
    json,
  ],
  notes: [
    "All is well when every registry answers, somebody is listed, and every instance that is up and",
    "does not drain answers that it takes calls. Without an argument it is about all services.",
    "p50 is that of a few round trips to each instance, on a connection that is open.",
    "Exit codes: 0 all is well, 1 it is not, 78 no registry or no server can be reached.",
  ],
  examples: [
    "gee ping",
    "gee ping Foo --wait 30s && gee call Foo.Sum 1 2",
    "gee ping tcp@10.0.0.9:4000 --quiet",
  ],
};
