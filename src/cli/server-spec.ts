import { insecure, json, registry, tokenFile } from "./command-spec.ts";
import type { CommandSpec } from "./command-spec.ts";

/** `gee server` as the help shows it. */
export const serverSpec: CommandSpec = {
  name: "server",
  usage: "[MODULE.ts ...]",
  arguments: [0, Number.POSITIVE_INFINITY],
  summary: "serves the classes that modules export",
  flags: [
    {
      name: "listen",
      value: "ADDRESS",
      env: "GEE_LISTEN",
      fallback: "tcp@127.0.0.1:0",
      text: "where to listen: tcp@HOST:PORT (0 = a free port) or unix@/PATH",
    },
    {
      name: "advertise",
      value: "ADDRESS",
      env: "GEE_ADVERTISE",
      text: "the address that others use, when it is not the one listened on",
    },
    registry,
    { name: "no-register", text: "be in no registry" },
    tokenFile,
    {
      name: "workers",
      value: "COUNT",
      env: "GEE_WORKERS",
      text: "so many processes, each an instance; ports follow one another",
    },
    {
      name: "drain",
      value: "DURATION",
      env: "GEE_DRAIN",
      fallback: "25s",
      text: "what running calls may still take after SIGTERM",
    },
    {
      name: "weight",
      value: "NUMBER",
      env: "GEE_WEIGHT",
      fallback: "1",
      text: "its share of the calls beside the others', 0 to 10,000",
    },
    {
      name: "zone",
      value: "NAME",
      env: "GEE_ZONE",
      text: "where it is; clients of the same zone prefer it",
    },
    { name: "tag", value: "NAME=VALUE", text: "for people and for choosing; may be repeated" },
    { name: "no-check", text: "run methods without checking their arguments first" },
    { name: "check-results", text: "check what methods answer as well; for trials" },
    insecure,
    json,
  ],
  notes: [
    "Served are exported classes whose constructor takes no argument, and exported instances of",
    "classes, under the name of the export. Without a module it is the demo service Foo.",
    "A method is hidden by private or protected, and by # or _ in its name. The source is read by",
    "a process of its own, 0.2 s the first time; what it finds is kept in ~/.cache/gee.",
    "SIGTERM and SIGINT drain: leave the registries, finish what runs, exit 0; a second one exits",
    "at once. A registry that is away is tried again for ever.",
    "--workers: who ends starts again; SIGHUP replaces them by the code of now, one by one.",
    "What callers are held to, with every number: gee help limits.",
  ],
  examples: [
    "gee server foo.ts",
    "gee server a.ts b.ts --registry http://10.0.0.5:9999",
    "gee server foo.ts --workers 4",
  ],
};
