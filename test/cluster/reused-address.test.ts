import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { Cluster } from "../support/cluster.ts";
import { failureOf } from "../support/ends.ts";

test("an address that another instance uses by now executes nothing for callers of the first", async () => {
  await using cluster = await Cluster.create();
  const registry = await cluster.registry();
  const options = { registry: registry.said.url };
  const first = await cluster.server(options);
  await using gee = connect({ ...options, log: silentLog });
  await gee.call("Work.Do", ["first", 0]);
  first.signal("SIGKILL");
  await first.exited;
  // The registry goes on to list the first; the second says nothing to it.
  const second = await cluster.server({ listen: first.said.address });
  for (const to of [undefined, first.said.id]) {
    const error = await failureOf(
      gee.call("Work.Do", ["stray", 0], to === undefined ? {} : { to }),
    );
    expect(error).toMatchObject({
      code: "UNAVAILABLE",
      reason: "WRONG_INSTANCE",
      executed: "no",
    });
  }
  expect((await cluster.begun()).map(([call]) => call)).toEqual(["first"]);

  // With somebody else on the list the call goes there.
  const third = await cluster.server(options);
  await using fresh = connect({ ...options, log: silentLog });
  for (const call of ["a", "b", "c", "d"]) {
    expect(await fresh.call("Work.Do", [call, 0])).toBe(call);
  }
  const pids = new Set((await cluster.begun()).slice(1).map(([, pid]) => pid));
  expect(pids).toEqual(new Set([third.pid]));
  expect(second.errors()).toBe("");
}, 15_000);
