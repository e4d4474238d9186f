import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { Cluster, eventually } from "../support/cluster.ts";
import { failureOf } from "../support/ends.ts";
import { frameOf } from "../support/scripted-peer.ts";

test("a process that was stopped for 3 s starts none of the calls of 500 ms that waited meanwhile", async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  const { address } = server.said;
  await using gee = connect({ address, log: silentLog });
  await gee.call("Work.Do", ["before", 0]);
  // A second caller, which never cancels: for it the server's own sense of time is the only guard.
  let heard = 0;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(address.split(":").at(-1)),
    socket: { data: () => void heard++ },
  });
  const hello = { version: 1, features: [], maxMessageBytes: 4_194_304 };
  socket.write(frameOf({ kind: "callerHello", id: 0, hello }));
  await eventually(() => heard > 0, "the server's hello");

  server.signal("SIGSTOP");
  const issuedAt = performance.now();
  const calls = Array.from({ length: 100 }, (_, index) =>
    failureOf(gee.call("Work.Do", [`waited${index}`, 0], { timeoutMs: 500 })),
  );
  const silent = Array.from({ length: 100 }, (_, index) =>
    frameOf({
      kind: "call",
      id: index + 1,
      method: "Work.Do",
      timeoutMs: 500,
      args: [`silent${index}`, 0],
      flags: 0,
      attempt: 0,
      metadata: undefined,
      idempotencyKey: undefined,
      streamArgument: undefined,
      idleMs: undefined,
    }),
  );
  socket.write(Buffer.concat(silent));
  const errors = await Promise.all(calls);
  const tookMs = performance.now() - issuedAt;
  for (const error of errors) {
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
  }
  expect(tookMs).toBeGreaterThanOrEqual(499);
  expect(tookMs).toBeLessThan(1_500);
  await Bun.sleep(3_000 - tookMs);
  const before = heard;
  server.signal("SIGCONT");
  expect(await gee.call("Work.Do", ["after", 0])).toBe("after");
  await eventually(() => heard > before, "answers to the silent caller");
  expect((await cluster.begun()).map(([call]) => call)).toEqual(["before", "after"]);
  socket.terminate();
}, 15_000);
