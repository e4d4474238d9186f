import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { built, gee, type Running, start } from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

/** A server of modules that is in no registry, and its address. */
async function serve(...modules: string[]): Promise<Running & { readonly address: string }> {
  const running = start(["server", "--no-register", ...modules]);
  const [, address = ""] = await running.says(/^server +(\S+)/m);
  return { ...running, address };
}

function call(address: string, ...words: string[]): ReturnType<typeof gee> {
  return gee(["call", "--address", address, ...words]);
}

describe.skipIf(!built)("modules of the executable", () => {
  test("import gee, packages and aliases from wherever they stand", async () => {
    await using place = await folder({
      "tsconfig.json": '{"compilerOptions":{"paths":{"@lib/*":["./lib/*"]}}}',
      "lib/greeting.ts": 'export const greeting: string = "hello";',
      "node_modules/dep/package.json": '{"name":"dep","type":"module","exports":"./index.js"}',
      "node_modules/dep/index.js": 'export const dep = "from dep";',
      "node_modules/gee/package.json": '{"name":"gee","type":"module","exports":"./index.js"}',
      "node_modules/gee/index.js": 'export class GeeError {}; throw new Error("another gee");',
      "own.ts": `
        import { GeeError, callContext } from "gee";
        import { dep } from "dep";
        import { greeting } from "@lib/greeting.ts";
        enum Mood { Good = "good" }
        export class Own {
          Hello(name: string): string { return [greeting, name, dep, Mood.Good].join(" "); }
          Fail(): never { throw new GeeError("FAILED_PRECONDITION", "sold out", { reason: "SOLD_OUT" }); }
          Left(): boolean { return callContext().remainingMs > 0; }
        }
        export const helper = (): number => 1;
      `,
    });
    await using server = await serve(join(place.path, "own.ts"));
    expect(server.stderr()).toContain("own.ts: not served: helper");
    expect((await call(server.address, "Own.Hello", "Ada")).stdout).toBe(
      '"hello Ada from dep good"\n',
    );
    expect((await call(server.address, "Own.Left")).stdout).toBe("true\n");
    const failed = await call(server.address, "Own.Fail", "--json");
    expect(failed.code).toBe(73);
    expect(JSON.parse(failed.stderr)).toHaveProperty("error.reason", "SOLD_OUT");
  });

  test("that are broken are told with a code frame, and nothing is registered", async () => {
    await using place = await folder({
      "bad.ts": "export class Foo { Sum(",
      "missing.ts": 'import "no-such-package"; export class Foo { Sum() {} }',
      "unknown.ts": 'import { nope } from "gee"; export class Foo { Sum() { nope(); } }',
      "empty.ts": "export const a = 1;",
    });
    const run = async (name: string): Promise<string> => {
      const { code, stdout, stderr } = await gee(["server", join(place.path, name)]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).not.toContain("$bunfs");
      return stderr;
    };
    const bad = await run("bad.ts");
    expect(bad).toContain("1 | export class Foo { Sum(");
    expect(bad).toContain("^");
    expect(bad).toContain("hint: nothing was registered");
    expect(await run("missing.ts")).toContain('cannot find "no-such-package"');
    expect(await run("unknown.ts")).toContain("'nope' not found in module 'gee'");
    expect(await run("empty.ts")).toContain("nothing to serve");
  });

  test("may leave stray errors behind: they are logged and the server goes on", async () => {
    await using place = await folder({
      "stray.ts": `
        export class Stray {
          Timer(): void { setTimeout(() => { throw new Error("from a timer"); }, 0); }
          Promise(): void { void Promise.reject(new Error("from a promise")); }
          Alive(): boolean { return true; }
        }
      `,
    });
    await using server = await serve(join(place.path, "stray.ts"));
    await call(server.address, "Stray.Timer");
    await server.says(/uncaughtException .*id=\w{8}\n(.*\n)*.*from a timer/);
    await call(server.address, "Stray.Promise");
    await server.says(/unhandledRejection .*id=\w{8}\n(.*\n)*.*from a promise/);
    expect((await call(server.address, "Stray.Alive")).stdout).toBe("true\n");
  });

  test("may end the process, with the exit code that they name", async () => {
    await using place = await folder({
      "quit.ts": "export class Quit { Now(): void { process.exit(7); } }",
    });
    await using server = await serve(join(place.path, "quit.ts"));
    expect((await call(server.address, "Quit.Now")).code).toBe(78);
    expect(await server.exited).toBe(7);
  });

  test("with timers that never end do not hold up a server that drains", async () => {
    await using place = await folder({
      "timer.ts": "setInterval(() => {}, 1_000); export class Timer { Tick(): void {} }",
    });
    await using server = await serve(join(place.path, "timer.ts"));
    server.kill("SIGINT");
    expect(await server.exited).toBe(0);
  });

  test("that wait for what cannot come are a failure and not an end", async () => {
    await using place = await folder({
      "wait.ts": "await new Promise(() => {}); export class Wait { Now(): void {} }",
    });
    const { code, stderr } = await gee(["server", "--no-register", join(place.path, "wait.ts")]);
    expect(code).toBe(1);
    expect(stderr).toContain("ran out of work");
  });
});
