import { expect, test } from "bun:test";
import { eventually } from "../support/cluster.ts";
import { RegistryScene } from "./registry-scene.ts";

/** What the lines of `gee events` say: the event and whom it is about. */
function said(text: string): readonly string[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      line.replace(/^(\w+) +tcp@127\.0\.0\.1:\d+ {3}([0-9a-f]{32}) {3}Work$/, "$1 $2"),
    );
}

test("gee events tells what happens: who comes, falls silent, comes back, goes and leaves", async () => {
  await using scene = await RegistryScene.create();
  const { url } = await scene.registry();
  const [first] = await scene.servers(1, url);
  if (first === undefined) throw new Error("there is one");
  const events = scene.start(["events", "--registry", url]);
  const expected = [`up ${first.said.id}`];
  const shows = async (...more: readonly string[]): Promise<void> => {
    expected.push(...more);
    await eventually(
      () => said(events.stdout()).length >= expected.length,
      `${more.join(", ")} in\n${events.stdout()}`,
    );
    expect(said(events.stdout())).toEqual(expected);
  };
  await shows();
  const [second] = await scene.servers(1, url);
  if (second === undefined) throw new Error("there is one more");
  const { id } = second.said;
  await shows(`up ${id}`);
  second.signal("SIGSTOP");
  await shows(`suspect ${id}`);
  second.signal("SIGCONT");
  await shows(`up ${id}`);
  second.signal("SIGTERM");
  expect(await second.exited).toBe(0);
  await shows(`gone ${id}`);
  const [third] = await scene.servers(1, url);
  if (third === undefined) throw new Error("there is a third");
  await shows(`up ${third.said.id}`);
  third.signal("SIGKILL");
  await shows(`suspect ${third.said.id}`);
  await shows(`gone ${third.said.id}`);
  expect(events.stderr()).toBe("");
  events.kill("SIGINT");
  expect(await events.exited).toBe(130);
}, 30_000);

test("it goes on through a registry that restarts, tells of nobody's end, and says on stderr what it met", async () => {
  await using scene = await RegistryScene.create();
  const registry = await scene.registry();
  const servers = await scene.servers(3, registry.url);
  const events = scene.start(["events", "--registry", registry.url, "--json"]);
  const lines = (): readonly { event: string; id: string }[] =>
    events
      .stdout()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  await eventually(() => lines().length === 3, "three servers");
  registry.kill("SIGKILL");
  await registry.exited;
  await events.says(/registry gives no list/);
  await scene.registry(registry.host);
  await events.says(/registry answers again/);
  const newcomers = await scene.servers(1, registry.url);
  await eventually(() => lines().length === 4, "a newcomer");
  const all = [...servers, ...newcomers].map(({ said: { id } }) => `up ${id}`);
  expect(
    lines()
      .map(({ event, id }) => `${event} ${id}`)
      .toSorted(),
  ).toEqual(all.toSorted());
  // With --json its talk is JSON as well.
  for (const line of events.stderr().trimEnd().split("\n")) {
    expect(JSON.parse(line)).toHaveProperty("level", "warn");
  }
}, 30_000);

test("a reader that has had enough ends it", async () => {
  await using scene = await RegistryScene.create();
  const { url } = await scene.registry();
  const servers = await scene.servers(2, url);
  const script = `"$1" "$2" events --registry "$3" | head -1; echo "\${PIPESTATUS[0]}"`;
  const shell = Bun.spawn(["bash", "-c", script, "bash", process.execPath, scene.main, url], {
    stdout: "pipe",
    stderr: "pipe",
  });
  // Whatever happens next finds that nobody reads.
  await Bun.sleep(500);
  for (const server of servers) server.signal("SIGTERM");
  const text = await shell.stdout.text();
  expect(text).toMatch(/^up .*\n0\n$/);
  expect(await shell.stderr.text()).toBe("");
}, 20_000);
