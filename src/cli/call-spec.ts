import { policyNames } from "../base/policy-name.ts";
import { address, cache, json, registry, timeout, tokenFile } from "./command-spec.ts";
import type { CommandSpec } from "./command-spec.ts";

/** `gee call` as the help shows it. */
export const callSpec: CommandSpec = {
  name: "call",
  usage: "SERVICE.METHOD [ARG ...]",
  arguments: [1, Number.POSITIVE_INFINITY],
  summary: "calls a method and prints its result, or its items as they come",
  flags: [
    registry,
    address,
    timeout,
    cache,
    tokenFile,
    { name: "all", text: "call every instance; one row each" },
    { name: "to", value: "ID", text: "call the instance with this id" },
    {
      name: "policy",
      value: "NAME",
      env: "GEE_POLICY",
      fallback: "p2c",
      text: "how to choose an instance, see below",
      values: policyNames,
    },
    { name: "hash-key", value: "KEY", text: "the same key goes to the same instance" },
    {
      name: "zone",
      value: "NAME",
      env: "GEE_ZONE",
      text: "where this is; instances of the same zone are preferred",
    },
    { name: "tag", value: "NAME=VALUE", text: "only an instance with this tag; may be repeated" },
    { name: "wait", text: "while no instance can be reached, wait until the time-out" },
    {
      name: "data",
      value: "JSON|@FILE|@-",
      text: "the arguments as one JSON value; an array is the argument list",
    },
    {
      name: "stream",
      value: "@FILE|@-",
      text: "one JSON value a line: the last argument, sent item by item",
    },
    { name: "meta", value: "NAME=VALUE", text: "metadata for the handler; may be repeated" },
    {
      name: "key",
      value: "KEY",
      text: "an idempotency key: an instance executes the same call with it once",
    },
    { name: "one-way", text: "want no answer; done when the call has left" },
    json,
  ],
  notes: [
    "More on arguments and results: gee help args.",
    "Policies: p2c (the better of two by load), least-in-flight, weighted-random, random, round-robin, and",
    "hash, by --hash-key.",
    "A method that answers with a stream has its items printed as they come. A stream, either way,",
    "may last for ever unless --timeout is given; it ends when nothing moves for 60 s.",
    "Ctrl-C cancels the call, down to its handler.",
    "A failed call exits with 64 + its status: gee help exit-codes.",
  ],
  examples: [
    "gee call Foo.Sum 1 2",
    "gee call Foo.Sum 1 -2 --json",
    "gee call Users.Create --data @user.json",
    "gee call Foo.Count 5",
    "seq 3 | gee call Foo.Total --stream @-",
  ],
};
