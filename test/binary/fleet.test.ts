import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  built,
  gee,
  type Running,
  start,
  startRegistry,
  startServer,
} from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

describe.skipIf(!built)("a registry and two servers", () => {
  const stack = new AsyncDisposableStack();
  let url = "";
  const servers: (Running & { readonly address: string })[] = [];

  beforeAll(async () => {
    ({ url } = stack.use(await startRegistry()));
    servers.push(stack.use(await startServer(url)), stack.use(await startServer(url)));
  });
  afterAll(() => stack.disposeAsync());

  const client = (...words: string[]): ReturnType<typeof gee> =>
    gee(words, { env: { GEE_REGISTRY: url } });

  test("a server without a module says that it serves the demo", () => {
    expect(servers[0]?.stdout()).toMatch(
      /^server +tcp@127\.0\.0\.1:\d+ .*\n {2}Foo +Sum, Sleep, Count, Total\n$/,
    );
    expect(servers[0]?.stderr()).toContain("demo service Foo");
  });

  test("a call prints its result and nothing else", async () => {
    expect(await client("call", "Foo.Sum", "1", "2")).toEqual({
      code: 0,
      stdout: "3\n",
      stderr: "",
    });
    expect((await client("call", "Foo.Sum", "1", "-2", "--json")).stdout).toBe("-1\n");
    expect((await client("call", "Foo.Sum", "--data", "[3,4]")).stdout).toBe("7\n");
  });

  test("standard input is read for @- alone", async () => {
    const env = { GEE_REGISTRY: url };
    const piped = await gee(["call", "Foo.Sum", "--data", "@-"], { env, stdin: "[5, 6]\n" });
    expect(piped.stdout).toBe("11\n");
  });

  test("a method that is not there is UNIMPLEMENTED, with a hint", async () => {
    const { code, stderr } = await client("call", "Foo.Smu", "1");
    expect(code).toBe(76);
    expect(stderr).toBe(
      "error: UNIMPLEMENTED  Foo has no method Smu\nhint: did you mean Foo.Sum?\n",
    );
  });

  test("a call that takes too long is DEADLINE_EXCEEDED, in time", async () => {
    const startedAt = performance.now();
    const { code, stderr } = await client("call", "Foo.Sleep", "60", "1", "--timeout", "200ms");
    expect(code).toBe(68);
    expect(stderr).toStartWith("error: DEADLINE_EXCEEDED  ");
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  test("both servers are listed and both answer --all", async () => {
    const addresses = servers.map(({ address }) => address).sort();
    const list = await client("list", "--json");
    expect(JSON.parse(list.stdout)).toEqual([
      expect.objectContaining({ service: "Foo", instances: 2, addresses }),
    ]);
    const all = await client("call", "Foo.Sum", "1", "2", "--all", "--json");
    expect(JSON.parse(all.stdout)).toEqual(
      addresses.map((address) => expect.objectContaining({ address, value: 3 })),
    );
  });

  test("a call names the instance that it wants, by id", async () => {
    const [, id = ""] = /id (\w{32})/.exec(servers[1]?.stdout() ?? "") ?? [];
    expect((await client("call", "Foo.Sum", "1", "2", "--to", id)).stdout).toBe("3\n");
    const nobody = await client("call", "Foo.Sum", "1", "2", "--to", "0".repeat(32));
    expect(nobody.code).toBe(78);
  });

  test("a result on a terminal is coloured and timed, unless NO_COLOR", async () => {
    const seen = async (env: Readonly<Record<string, string>>): Promise<string> => {
      let text = "";
      const child = Bun.spawn([`${import.meta.dir}/../../gee`, "call", "Foo.Sum", "1", "2"], {
        env: { GEE_REGISTRY: url, TERM: "xterm", ...env },
        terminal: {
          cols: 80,
          rows: 24,
          data: (_terminal, bytes) => void (text += bytes.toString()),
        },
      });
      await child.exited;
      child.terminal?.close();
      return text;
    };
    expect(await seen({})).toContain("\u001b[33m3\u001b[39m");
    expect(await seen({ NO_COLOR: "1" })).toMatch(/^3\r\n-> Foo\.Sum {2}[\d.]+m?s\r\n$/);
  });

  test("20 fresh calls print 3 right after kill -9 of one, and SIGTERM ends the other with 0", async () => {
    const [killed, stopped] = servers;
    killed?.kill("SIGKILL");
    await killed?.exited;
    const calls = Array.from({ length: 20 }, () => client("call", "Foo.Sum", "1", "2"));
    for (const { code, stdout } of await Promise.all(calls)) {
      expect({ code, stdout }).toEqual({ code: 0, stdout: "3\n" });
    }
    stopped?.kill("SIGTERM");
    expect(await stopped?.exited).toBe(0);
    expect(stopped?.stderr()).toMatch(/draining .*\n(.*\n)*drained /);
  });
});

describe.skipIf(!built)("a fleet in trouble", () => {
  test("without a registry a call is UNAVAILABLE, 78, and says what to run", async () => {
    const registry = await startRegistry();
    registry.kill("SIGTERM");
    expect(await registry.exited).toBe(0);
    for (const words of [["call", "Foo.Sum", "1", "2"], ["list"]]) {
      const { code, stderr } = await gee([...words, "--registry", registry.url, "--timeout", "2s"]);
      expect(code).toBe(78);
      expect(stderr).toMatch(/^error: UNAVAILABLE {2}.*\nhint: .*gee registry.*\n$/);
    }
  });

  test("a server without a registry warns once, serves, and registers when one comes", async () => {
    const before = await startRegistry();
    before.kill("SIGKILL");
    await before.exited;
    await using server = start(["server", "--registry", before.url]);
    const [, address = ""] = await server.says(/^server +(\S+)/m);
    await server.says(/^warn /m);
    const direct = await gee(["call", "Foo.Sum", "1", "2", "--address", address]);
    expect(direct.stdout).toBe("3\n");
    await using registry = start(["registry", "--listen", new URL(before.url).host]);
    await registry.says(/^registry /m);
    await server.says(/^registered /m);
    expect(server.stderr().match(/takes no beats/g)).toHaveLength(1);
  });

  test("a port in use is exit code 1", async () => {
    await using registry = await startRegistry();
    const { host } = new URL(registry.url);
    for (const words of [
      ["registry", "--listen", host],
      ["server", "--no-register", "--listen", `tcp@${host}`],
    ]) {
      const { code, stderr } = await gee(words);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^error: UNAVAILABLE {2}.*in use.*\nhint: .*--listen/);
    }
  });

  test("with --json the ready lines are JSON", async () => {
    await using registry = start(["registry", "--listen", "127.0.0.1:0", "--json"]);
    const [line = ""] = await registry.says(/^\{.*\}$/m);
    const { url } = JSON.parse(line);
    await using server = start(["server", "--registry", url, "--json"]);
    await server.says(/^\{"event":"registered".*\}$/m);
    expect(JSON.parse(server.stdout())).toEqual({
      address: expect.stringMatching(/^tcp@/),
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      services: [
        {
          name: "Foo",
          methods: ["Sum", "Sleep", "Count", "Total"],
          contract: expect.stringMatching(/^[0-9a-f]{16}$/),
        },
      ],
    });
  });

  test("a server on a unix socket is called there", async () => {
    await using place = await folder();
    const address = `unix@${place.path}/foo.sock`;
    await using server = start(["server", "--no-register", "--listen", address]);
    await server.says(/^server /m);
    expect((await gee(["call", "Foo.Sum", "1", "2", "--address", address])).stdout).toBe("3\n");
  });
});
