import { expect, test } from "bun:test";
import { until } from "../support/clock.ts";
import { call, start } from "./calling.ts";

test("--all has a row for each instance, and the exit code of the first error", async () => {
  await using stack = new AsyncDisposableStack();
  const servers = [stack.use(await start()), stack.use(await start())];
  const at = servers.map(({ server }) => server.address);
  const good = await call(["Foo.Sum", "1", "2", "--all"], servers);
  expect(good.code).toBe(0);
  expect(good.stdout.trimEnd().split("\n")).toHaveLength(3);
  for (const address of at) expect(good.stdout).toMatch(new RegExp(`${address} +3`));

  const bad = await call(["Foo.Sum", "x", "2", "--all"], servers, { json: true });
  expect(bad.code).toBe(67);
  const rows: unknown = JSON.parse(bad.stdout);
  const row = (address: string): unknown =>
    expect.objectContaining({
      address,
      error: expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    });
  expect(rows).toEqual(expect.arrayContaining(at.map(row)));
  const empty = await call(["Odd.Nothing", "--all"], servers, { json: true });
  expect(JSON.parse(empty.stdout)).toContainEqual(
    expect.objectContaining({ address: at[0], value: null }),
  );
});

test("a method that answers with a stream says how its items are had, and does not go on", async () => {
  await using running = await start();
  const { code, stdout } = await call(["Odd.Endless", "--all"], [running], { json: true });
  expect(code).toBe(73);
  expect(JSON.parse(stdout)).toEqual([
    expect.objectContaining({
      error: expect.objectContaining({
        reason: "IS_A_STREAM",
        hint: expect.stringContaining("without --all"),
      }),
    }),
  ]);
  await until(() => running.server.inFlight() === 0, "no call in flight");
});

test("one-way it reaches every instance, and waits for none of them", async () => {
  await using stack = new AsyncDisposableStack();
  const servers = [stack.use(await start()), stack.use(await start())];
  const { code, stdout } = await call(["Odd.Once", "--all", "--one-way"], servers);
  expect(code).toBe(0);
  expect(stdout.match(/ sent$/gm)).toHaveLength(2);
  await until(() => servers.every(({ odd }) => odd.done === 1), "both were told");
});
