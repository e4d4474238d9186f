import { policyNames } from "../base/policy-name.ts";
import { address, cache, json, registry, tokenFile } from "./command-spec.ts";
import type { CommandSpec } from "./command-spec.ts";

/** `gee bench` as the help shows it. */
export const benchSpec: CommandSpec = {
  name: "bench",
  usage: "SERVICE.METHOD [ARG ...]",
  arguments: [1, Number.POSITIVE_INFINITY],
  summary: "calls a method for a while, and tells how long the calls took",
  flags: [
    { name: "rate", value: "N", text: "start N calls a second, whatever the answers do" },
    {
      name: "concurrency",
      value: "N",
      text: "keep N calls in flight instead; without --rate that is 50",
    },
    {
      name: "duration",
      value: "DURATION",
      fallback: "10s",
      text: "how long calls are started that count",
    },
    {
      name: "warmup",
      value: "DURATION",
      fallback: "1s",
      text: "how long before that calls are started that do not",
    },
    {
      name: "data",
      value: "JSON|@FILE|@-",
      text: "the arguments as one JSON value; an array is the argument list",
    },
    { name: "max-p99", value: "DURATION", text: "exit 1 when the p99 of the latency is above it" },
    {
      name: "max-errors",
      value: "PERCENT",
      text: "exit 1 when more of the calls fail, such as 0.1%",
    },
    {
      name: "compare",
      value: "FILE",
      text: "what --json printed earlier: print this run's figures divided by those",
    },
    registry,
    address,
    {
      name: "timeout",
      value: "DURATION",
      env: "GEE_TIMEOUT",
      fallback: "10s",
      text: "what one call may take, a stream with all its items too",
    },
    cache,
    tokenFile,
    {
      name: "policy",
      value: "NAME",
      env: "GEE_POLICY",
      fallback: "p2c",
      text: "how to choose an instance, see gee help call",
      values: policyNames,
    },
    { name: "to", value: "ID", text: "call the instance with this id alone" },
    { name: "meta", value: "NAME=VALUE", text: "metadata for the handler; may be repeated" },
    json,
  ],
  notes: [
    "With --rate a call is started when it is due, and its latency counts from then: a server that",
    "stands still is seen by every call that was due meanwhile. Starts lie on a grid of about 1 ms,",
    "which is in the latency and not in the service time (from the actual start). Calls that were",
    "refused have no latency, those that ran out of time do. With --concurrency a call starts when",
    "another has ended.",
    "At most 20,000 calls are in flight; a start beyond that is dropped, which is an error.",
    "A method that answers with a stream is read to its end.",
  ],
  examples: [
    "gee bench Foo.Sum 1 2",
    "gee bench Foo.Sum 1 2 --rate 5000 --duration 5s",
    "gee bench Foo.Sum 1 2 --rate 5000 --max-p99 5ms --max-errors 0.1%",
    "gee bench Foo.Sum 1 2 --json > old.json; gee bench Foo.Sum 1 2 --compare old.json",
  ],
};
