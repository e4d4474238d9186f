import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { ownCommand } from "../../src/cli/own-command.ts";
import { startCommand, type Running } from "../support/executable.ts";
import { folder, type Folder } from "../support/folder.ts";
import { silentLog } from "../../src/base/log.ts";
import { connect, serveRegistry, type Gee } from "../../src/index.ts";
import { turn, until } from "../support/clock.ts";

setDefaultTimeout(30_000);

function code(answer: string, more = ""): string {
  return `
    import { suffix } from "./suffix.ts";
    export class Own {
      Answer(): string { return ${JSON.stringify(answer)} + suffix; }
      async Until(path: string): Promise<string> {
        console.log("waits");
        while (!(await Bun.file(path).exists())) await Bun.sleep(5);
        return this.Answer();
      }
      ${more}
    }
  `;
}

interface Scene extends AsyncDisposable {
  readonly place: Folder;
  readonly dev: Running;
  readonly registry: string;
  /** A client that begins now, as gee call does. */
  call(method: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Resolves with the n-th reload. */
  reloads(count: number): Promise<unknown>;
}

/** So many lines that begin with a word. */
function times(word: string, count: number): RegExp {
  return new RegExp(Array.from({ length: count }, () => `^${word} `).join("[^]*?"), "m");
}

async function scene(files: Readonly<Record<string, string>> = {}): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(
    await folder({
      "own.ts": code("first"),
      "suffix.ts": `export const suffix = "!";`,
      ...files,
    }),
  );
  const words = [...ownCommand(), "dev", "own.ts", "--listen", "127.0.0.1:0"];
  const dev = stack.use(startCommand(words, { cwd: place.path }));
  const [, registry = ""] = await dev.says(/^registry +(\S+)/m);
  const moved = stack.move();
  return {
    place,
    dev,
    registry,
    async call(method, ...args) {
      await using gee: Gee = connect({ registry, timeoutMs: 20_000, log: silentLog });
      return await gee.call(method, args);
    },
    reloads: (count) => dev.says(times("reload", count)),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

test("an edit: calls in flight finish on the old code, the next call runs the new", async () => {
  await using running = await scene();
  const { place, dev, call, reloads } = running;
  await dev.says(
    /^server +tcp@127\.0\.0\.1:\d+ +id [0-9a-f]{32} +\[.*\]\n {2}Own +Answer, Until$/m,
  );
  await dev.says(/^try: +gee call Own\.Answer --registry /m);
  expect(await call("Own.Answer")).toBe("first!");
  const slow = call("Own.Until", `${place.path}/go`);
  await dev.says(/^waits$/m);
  await place.write("own.ts", code("second"));
  await reloads(1);
  expect(await call("Own.Answer")).toBe("second!");
  // What it imports counts as well.
  await place.write("suffix.ts", `export const suffix = "?";`);
  await reloads(2);
  expect(await call("Own.Answer")).toBe("second?");
  await place.write("go", "");
  expect(await slow).toBe("first!");
  expect(dev.stdout()).toMatch(
    /^reload +own\.ts +\[[\d.]+m?s\]\nreload +suffix\.ts +\[[\d.]+m?s\]$/m,
  );
  dev.kill("SIGINT");
  expect(await dev.exited).toBe(0);
  expect(dev.stderr()).toMatch(/^draining +\(SIGINT\)\ndrained +\[.*\]\n$/);
});

test("a broken edit is shown and changes nothing, and the next good one is taken", async () => {
  await using running = await scene();
  const { place, dev, call, reloads } = running;
  await dev.says(/^server /m);
  await place.write("own.ts", "export class Own {");
  await dev.says(
    /^error: INVALID_ARGUMENT +\S+own\.ts does not compile\n1 \| export class Own \{/m,
  );
  await dev.says(/^hint: the old code goes on$/m);
  expect(await call("Own.Answer")).toBe("first!");
  await place.write("own.ts", `import "./new.ts"; ${code("second", "More() {}")}`);
  await dev.says(/^error: INVALID_ARGUMENT +cannot find "\.\/new\.ts"/m);
  await place.write("new.ts", "");
  await reloads(1);
  expect(await call("Own.Answer")).toBe("second!");
  await dev.says(/^ {2}Own +Answer, Until, More$/m);
});

test("it begins with a broken module too, and waits for an edit", async () => {
  await using running = await scene({ "own.ts": "export class {" });
  const { place, dev, call } = running;
  await dev.says(/^hint: nothing was registered$/m);
  await place.write("own.ts", code("first"));
  await dev.says(/^server /m);
  expect(await call("Own.Answer")).toBe("first!");
});

test("a server that ends is told of, and started again by the next edit", async () => {
  await using running = await scene({
    "own.ts": code("first", "Leave() { process.exit(5); }"),
  });
  const { place, dev, call } = running;
  await dev.says(/^server /m);
  await call("Own.Leave").catch(() => {});
  await dev.says(/^ended +the server, with exit code 5; it starts again when it is edited$/m);
  await place.write("own.ts", code("second"));
  await dev.says(times("server", 2));
  expect(await call("Own.Answer")).toBe("second!");
});

test("several edits in a row end with the last one, and no old server stays", async () => {
  await using running = await scene();
  const { place, dev, call } = running;
  await dev.says(/^server /m);
  await place.write("own.ts", code("edit 1"));
  // It starts, and is too late already.
  await until(() => children(dev.pid) === 2, "a second server");
  for (const edit of [2, 3, 4]) await place.write("own.ts", code(`edit ${edit}`));
  while ((await call("Own.Answer")) !== "edit 4!") await turn();
  await until(() => children(dev.pid) === 1, "the end of the old ones");
  dev.kill("SIGTERM");
  expect(await dev.exited).toBe(0);
});

/** How many processes a process has started that still run. */
function children(pid: number): number {
  const { stdout } = Bun.spawnSync(["ps", "-o", "stat=", "--ppid", `${pid}`]);
  const states = stdout
    .toString()
    .split("\n")
    .map((state) => state.trim());
  return states.filter((state) => state !== "" && !state.startsWith("Z")).length;
}

test("a second signal ends it at once, with all that it has started", async () => {
  await using running = await scene();
  const { place, dev, call } = running;
  await dev.says(/^server /m);
  const slow = call("Own.Until", `${place.path}/go`).catch((error: unknown) => error);
  await dev.says(/^waits$/m);
  dev.kill("SIGINT");
  await dev.says(/^draining /m);
  dev.kill("SIGINT");
  expect(await dev.exited).toBe(130);
  expect(await slow).toMatchObject({ code: "UNAVAILABLE" });
});

test("in JSON each line is an object", async () => {
  await using place = await folder({ "foo.ts": "export class Foo { Sum() {} }" });
  const words = [...ownCommand(), "dev", "foo.ts", "--listen", "127.0.0.1:0", "--json"];
  await using dev = startCommand(words, { cwd: place.path });
  await dev.says(/"event":"try"/);
  await place.write("foo.ts", "export class Foo { Sum() {} Other() {} }");
  await dev.says(/"event":"reload"/);
  const lines = dev
    .stdout()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const services = (...methods: readonly string[]) => [{ name: "Foo", methods }];
  expect(lines).toMatchObject([
    { event: "registry", url: expect.stringContaining("http://127.0.0.1:") },
    { event: "server", services: services("Sum"), tookMs: expect.any(Number) },
    { event: "try", command: expect.stringContaining("gee call Foo.Sum") },
    { event: "reload", files: [`${place.path}/foo.ts`], services: services("Sum", "Other") },
  ]);
  dev.kill("SIGINT");
  await dev.exited;
  const events = dev
    .stderr()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(["draining", "drained"]);
});

describe("what it cannot do is said at once", () => {
  test("a module that is not there", async () => {
    await using place = await folder({ "own.ts": "" });
    await using dev = startCommand([...ownCommand(), "dev", "onw.ts"], { cwd: place.path });
    expect(await dev.exited).toBe(2);
    expect(dev.stderr()).toContain("there is no file onw.ts\nhint: did you mean own.ts?");
    expect(dev.stdout()).toBe("");
  });

  test("a port that is in use; a registry that runs is used when it is named", async () => {
    await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
    await using place = await folder({ "foo.ts": "export class Foo { Sum() { return 3; } }" });
    const at = { cwd: place.path };
    const { host } = new URL(registry.url);
    await using refused = startCommand([...ownCommand(), "dev", "foo.ts", "--listen", host], at);
    expect(await refused.exited).toBe(1);
    expect(refused.stderr()).toContain(
      `hint: if a registry runs there: --registry ${registry.url}`,
    );
    const words = [...ownCommand(), "dev", "foo.ts", "--registry", registry.url];
    await using dev = startCommand(words, at);
    await dev.says(/^server /m);
    await using gee = connect({ registry: registry.url, log: silentLog });
    expect(await gee.call("Foo.Sum", [])).toBe(3);
  });
});
