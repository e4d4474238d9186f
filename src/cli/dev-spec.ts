import { json, tokenFile } from "./command-spec.ts";
import type { CommandSpec } from "./command-spec.ts";

/** `gee dev` as the help shows it. */
export const devSpec: CommandSpec = {
  name: "dev",
  usage: "MODULE.ts ...",
  arguments: [1, Number.POSITIVE_INFINITY],
  summary: "a registry and a server that takes over what you edit",
  flags: [
    {
      name: "listen",
      value: "HOST:PORT",
      env: "GEE_REGISTRY_LISTEN",
      fallback: "127.0.0.1:9999",
      text: "where its registry listens; port 0 takes a free one",
    },
    {
      name: "registry",
      value: "URL[,URL]",
      text: "use these registries, and start none",
    },
    { ...tokenFile, text: "holds the token that is shown to those (mode 0600)" },
    {
      name: "drain",
      value: "DURATION",
      env: "GEE_DRAIN",
      fallback: "25s",
      text: "what calls on old code may still take",
    },
    json,
  ],
  notes: [
    "Watched are the modules and what they import, but for packages. An edit starts a new process;",
    "when that one is registered the old one is withdrawn, finishes the calls that it has, and ends.",
    "A broken edit is shown and changes nothing. State that a module keeps in memory begins anew.",
  ],
  examples: ["gee dev foo.ts", "gee dev a.ts b.ts --listen 127.0.0.1:0"],
};
