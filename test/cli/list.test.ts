import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { silentLog } from "../../src/base/log.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { instanceRows, runList, serviceRows } from "../../src/cli/list.ts";
import { type Member, serve, serveRegistry } from "../../src/index.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { FakeClock } from "../support/clock.ts";
import { keptOutput, type KeptOutputOptions } from "../support/output.ts";
import { announcement, idOf } from "../support/registry.ts";

async function list(
  words: readonly string[],
  options: KeptOutputOptions = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const invocation = parseArguments(["list", ...words], {});
  if (invocation.kind !== "list") throw new Error("it is no list");
  const { output, stdout, stderr } = keptOutput(options);
  const code = await runList(invocation, output);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** What is told of a registry that has just started. */
function warming(url: string): string {
  return `warming    ${url} started less than a lease ago, and need not know everybody yet\n`;
}

test("an empty list is no failure and says so on stderr", async () => {
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  expect(await list(["--registry", registry.url])).toEqual({
    code: 0,
    stdout: "",
    stderr: `no server is registered\n${warming(registry.url)}`,
  });
  const json = await list(["--registry", registry.url], { json: true });
  expect(json.stdout).toBe("[]\n");
  expect(json.stderr.trimEnd().split("\n")).toEqual([
    `{"event":"empty"}`,
    `{"event":"warming","registry":"${registry.url}"}`,
  ]);
});

test("without a registry it is UNAVAILABLE, with what to run", async () => {
  const registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  await registry[Symbol.asyncDispose]();
  const { code, stderr, stdout } = await list(["--registry", registry.url, "--timeout", "2s"]);
  expect(code).toBe(78);
  expect(stderr).toContain("error: UNAVAILABLE");
  expect(stderr).toContain("gee registry");
  expect(stdout).toBe("");
});

test("services and instances are listed, GeeRPC's servers as service ?", async () => {
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await serveRegistry({ listen: "127.0.0.1:0", log: silentLog }));
  const server = stack.use(
    await serve({
      services: { Foo: new Foo() },
      registry: registry.url,
      lameDuckMs: 0,
      log: silentLog,
    }),
  );
  await server.registered;
  await fetch(`${registry.url}/_geerpc_/registry`, {
    method: "POST",
    headers: { "X-Geerpc-Server": "tcp@10.0.0.1:1" },
  });

  const services = await list(["--registry", registry.url]);
  expect(services.stdout).toBe(
    [
      "SERVICE   INSTANCES   ADDRESSES",
      "?         1           tcp@10.0.0.1:1",
      `Foo       1           ${server.address}`,
      "",
    ].join("\n"),
  );
  const foo = await list(["Foo", "--registry", registry.url]);
  expect(foo.stdout).toMatch(/^INSTANCE +ADDRESS +STATE +AGE +BEAT +WEIGHT/);
  expect(foo.stdout).toMatch(new RegExp(`^${server.id} +${server.address} +up `, "m"));
  const json = await list(["Foo", "--registry", registry.url], { json: true });
  expect(JSON.parse(json.stdout)).toEqual([
    expect.objectContaining({ id: server.id, address: server.address, state: "up", weight: 1 }),
  ]);
  const method = await list(["Foo.Sum", "--registry", registry.url]);
  expect(method.stderr).toContain("; did you mean Foo?\n");
  const unknown = await list(["Fooo", "--registry", registry.url]);
  expect(unknown).toEqual({
    code: 0,
    stdout: "",
    stderr:
      "nobody says to serve Fooo; one server does not say what (gee list ?); did you mean Foo?\n" +
      warming(registry.url),
  });
});

function member(port: number, own: Partial<Member>): Member {
  const address = parseAddress(`tcp@127.0.0.1:${port}`);
  return {
    address,
    weight: 1,
    draining: false,
    revision: 1,
    state: "up",
    ageMs: 0,
    beatMs: 0,
    ...own,
  };
}

test("a service's row counts its instances and gathers their versions", () => {
  const all = [
    member(1, { id: "a".repeat(32), services: ["A", "B"], version: "1.0" }),
    member(2, { id: "b".repeat(32), services: ["B"], draining: true }),
  ];
  expect(serviceRows(all)).toEqual([
    {
      service: "A",
      instances: 1,
      suspect: 0,
      draining: 0,
      versions: ["1.0"],
      addresses: ["tcp@127.0.0.1:1"],
    },
    {
      service: "B",
      instances: 2,
      suspect: 0,
      draining: 1,
      versions: ["1.0"],
      addresses: ["tcp@127.0.0.1:1", "tcp@127.0.0.1:2"],
    },
  ]);
  expect(instanceRows(all, "B").map(({ state }) => state)).toEqual(["up", "draining"]);
  expect(instanceRows(all, "C")).toEqual([]);
});

test("an instance's row has the hash of the service's contract, where one is announced", () => {
  const contracts = { A: "0123456789abcdef" };
  const all = [
    member(1, { id: "a".repeat(32), services: ["A", "constructor"], contracts }),
    member(2, { id: "b".repeat(32), services: ["A"] }),
  ];
  expect(instanceRows(all, "A").map(({ contract }) => contract)).toEqual([
    "0123456789abcdef",
    null,
  ]);
  expect(instanceRows(all, "constructor").map(({ contract }) => contract)).toEqual([null]);
});

test("servers of one supervisor say so, in a column that others do not get", async () => {
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  const at = (digit: string) => ({
    id: idOf(digit),
    address: parseAddress(`tcp@127.0.0.1:${digit.charCodeAt(0)}`),
  });
  await client.register(announcement(at("a")));
  const heads = async (): Promise<string | undefined> =>
    (await list(["Foo", "--registry", registry.url])).stdout.split("\n")[0];
  expect(await heads()).not.toContain("GROUP");
  await client.register(announcement({ ...at("b"), group: "1f".repeat(16) }));
  await client.register(announcement({ ...at("c"), group: "those of mine" }));
  expect(await heads()).toEndWith("   GROUP");
  const { stdout } = await list(["Foo", "--registry", registry.url]);
  expect(stdout).toMatch(new RegExp(`^${idOf("b")} .* 1f1f1f$`, "m"));
  expect(stdout).toMatch(new RegExp(`^${idOf("c")} .* those of mine$`, "m"));
  const json = await list(["Foo", "--registry", registry.url], { json: true });
  const groups: unknown[] = JSON.parse(json.stdout).map(({ group }: { group: unknown }) => group);
  expect(groups).toEqual([null, "1f".repeat(16), "those of mine"]);
});

test("suspects are counted and named, be they draining or not", async () => {
  const all = [
    member(1, { id: "a".repeat(32), services: ["A"] }),
    member(2, { id: "b".repeat(32), services: ["A"], state: "suspect" }),
    member(3, { id: "c".repeat(32), services: ["A"], state: "suspect", draining: true }),
  ];
  expect(serviceRows(all)).toMatchObject([{ instances: 3, suspect: 2, draining: 1 }]);
  expect(instanceRows(all, "A").map(({ state }) => state)).toEqual(["up", "suspect", "suspect"]);
});

test("a server that stopped to beat is listed as suspect, and one that left is not", async () => {
  const clock = new FakeClock();
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", clock, log: silentLog });
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  const [late, left] = ["a", "b"].map((digit) =>
    announcement({ id: idOf(digit), address: parseAddress(`tcp@host-${digit}:1`) }),
  );
  if (late === undefined || left === undefined) throw new Error("there are two");
  await client.register(late);
  const grant = await client.register(left);
  if (grant.kind === "old") throw new Error("it is no old registry");
  await client.withdraw({ ...left, revision: 2 }, grant.secret);
  await clock.advance(registry.leaseMs);
  const services = await list(["--registry", registry.url]);
  expect(services.stdout).toBe(
    [
      "SERVICE   INSTANCES   SUSPECT   ADDRESSES",
      "Foo       1           1         tcp@host-a:1",
      "",
    ].join("\n"),
  );
  const foo = await list(["Foo", "--registry", registry.url]);
  expect(foo.stdout).toMatch(new RegExp(`^${late.id} +tcp@host-a:1 +suspect `, "m"));
  expect(foo.stdout).not.toContain("host-b");
});

test("where nobody says what he serves, nobody is said to serve nothing", async () => {
  const clock = new FakeClock();
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", clock, log: silentLog });
  await clock.advance(registry.leaseMs);
  const ask = async () => (await list(["Foo", "--registry", registry.url])).stderr;
  expect(await ask()).toBe("nobody serves Foo\n");
  for (const port of [1, 2]) {
    const headers = { "X-Geerpc-Server": `tcp@10.0.0.1:${port}` };
    await fetch(`${registry.url}/_geerpc_/registry`, { method: "POST", headers });
  }
  expect(await ask()).toBe("nobody says to serve Foo; 2 servers do not say what (gee list ?)\n");
  const json = await list(["Foo", "--registry", registry.url], { json: true });
  expect(JSON.parse(json.stderr)).toEqual({ event: "empty", service: "Foo", unknown: 2 });
});

test("a registry that holds removals back is said to", async () => {
  const clock = new FakeClock();
  await using registry = await serveRegistry({ listen: "127.0.0.1:0", clock, log: silentLog });
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  for (const digit of "abc") {
    await client.register(
      announcement({ id: idOf(digit), address: parseAddress(`tcp@host-${digit}:1`) }),
    );
  }
  await clock.advance(registry.leaseMs + 100);
  const frozen = `frozen     ${registry.url} removes nobody, as too many fell silent at once\n`;
  expect((await list(["--registry", registry.url])).stderr).toBe(frozen);
});

test("a registry that does not answer takes no longer than the time-out", async () => {
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const url = `http://127.0.0.1:${silent.port}`;
  const { code, stderr } = await list(["--registry", url, "--timeout", "20ms"]);
  expect(code).toBe(68);
  expect(stderr).toBe("error: DEADLINE_EXCEEDED  no answer within 20ms\n");
});
