import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Fields } from "../../src/base/fields.ts";
import { childWord } from "../../src/source/child-word.ts";
import { type ChildAnswer, parseAnswer } from "../../src/source/child-messages.ts";
import { libraryDeclarations } from "../../src/source/library.ts";
import { eventually } from "../support/cluster.ts";
import {
  built,
  executable,
  gee,
  type Running,
  start,
  startCommand,
} from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

const own = `
  import { type Fault } from "gee";
  export type OwnFaults = Fault<"NOT_FOUND", "NONE", { id: string }>;
  interface Item { id: string; count?: number }
  export class Own {
    /** The item of that id. */
    async Get(id: string) { return { at: new URL(id).href, ...this.secret(id) }; }
    Patch(change: Partial<Item>): Required<Item>[] { return [{ id: "", count: 0, ...change }]; }
    private secret(id: string): Item { return { id }; }
  }
`;

async function ask(request: object): Promise<ChildAnswer> {
  const stdin = JSON.stringify(request);
  await using child = start([childWord], { stdin });
  expect([await child.exited, child.stderr()]).toEqual([0, ""]);
  return parseAnswer(JSON.parse(child.stdout()));
}

/** Processes that a process has started, by their command lines. */
async function childrenOf(pid: number): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>();
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const process of pids) {
    const read = (name: string): Promise<string> =>
      readFile(`/proc/${process}/${name}`, "utf8").catch(() => "");
    const [, state, parent] = /\) (\w) (\d+)/.exec(await read("stat")) ?? [];
    if (Number(parent) !== pid || state === "Z") continue;
    found.set(Number(process), (await read("cmdline")).replaceAll("\0", " ").trim());
  }
  return found;
}

describe.skipIf(!built)("the executable", () => {
  test('reads types with the declarations that it carries, and "gee" is among them', async () => {
    await using place = await folder({ "own.ts": own });
    const { modules } = await ask({ mode: "contracts", paths: [join(place.path, "own.ts")] });
    const [{ module } = { module: undefined }] = modules;
    expect(module?.hidden).toEqual({ Own: ["secret"] });
    expect(module?.services).toMatchObject([
      {
        name: "Own",
        methods: [
          { name: "Get", doc: "The item of that id." },
          { name: "Patch", signatures: [{ parameters: [{ name: "change" }] }] },
        ],
        faults: [{ code: "NOT_FOUND", reason: "NONE", details: { kind: "object" } }],
      },
    ]);
    const text = JSON.stringify(module?.services);
    expect(text).toContain('"name":"at","type":{"kind":"string"}');
    expect(text).not.toContain('"unknown"');
  });

  test("carries the same declarations of the library as its source gives", async () => {
    const { library } = await ask({ mode: "library", paths: [] });
    expect(library).toBe(await libraryDeclarations());
  });

  test("checks the demo service's arguments, whose source is nowhere", async () => {
    await using server = start(["server", "--no-register"]);
    const [, address = ""] = await server.says(/^server +(\S+)/m);
    const call = (...words: string[]) => gee(["call", "--address", address, ...words]);
    expect((await call("Foo.Sum", "1", "2")).stdout).toBe("3\n");
    const wrong = await call("Foo.Sum", "1", "x");
    expect(wrong.code).toBe(67);
    expect(wrong.stderr).toContain("args[1] (b): expected number, got string");
  });

  test("keeps what it has read, and does without where it cannot", async () => {
    await using place = await folder({ "own.ts": own, file: "" });
    const serve = async (env: Readonly<Record<string, string>>): Promise<string> => {
      await using server = start(["server", "--no-register", join(place.path, "own.ts")], { env });
      await server.says(/^server +(\S+)/m);
      expect(server.stdout().trimEnd().split("\n")).toHaveLength(2);
      return server.stderr();
    };
    const cache = join(place.path, "cache");
    const entries = async (): Promise<readonly (readonly [string, number])[]> => {
      const path = join(cache, "gee/contracts");
      const names = await readdir(path);
      return Promise.all(
        names.map(async (name) => [name, (await stat(join(path, name))).ino] as const),
      );
    };
    expect(await serve({ XDG_CACHE_HOME: cache })).toBe("");
    const kept = await entries();
    expect(kept).toHaveLength(1);
    expect(await serve({ XDG_CACHE_HOME: cache })).toBe("");
    expect(await entries()).toEqual(kept);
    await place.write("own.ts", `${own}\n`);
    await serve({ XDG_CACHE_HOME: cache });
    expect(await entries()).not.toEqual(kept);
    expect(await serve({ XDG_CACHE_HOME: join(place.path, "file") })).toBe("");
    expect(await serve({ XDG_CACHE_HOME: "", HOME: "" })).toBe("");
  });

  test("leaves nobody behind who reads when it is ended at its start", async () => {
    const classes = Array.from({ length: 2_000 }, (_, n) => own.replaceAll("Own", `Own${n}`));
    const imports = 'import { type Fault } from "gee";';
    const source = classes
      .join("\n")
      .replaceAll(imports, "")
      .replaceAll(/interface Item.*/g, "");
    await using place = await folder({
      "many.ts": `${imports}\ninterface Item { id: string; count?: number }\n${source}`,
    });
    await using server: Running = start(["server", "--no-register", join(place.path, "many.ts")], {
      env: { XDG_CACHE_HOME: join(place.path, "cache") },
    });
    let child = 0;
    await eventually(async () => {
      for (const [pid, words] of await childrenOf(server.pid)) {
        if (words.endsWith(childWord)) child = pid;
      }
      return child !== 0;
    }, "a child that reads");
    server.kill("SIGTERM");
    expect(await server.exited).toBe(143);
    expect(server.stdout()).toBe("");
    await eventually(async () => {
      const state = await readFile(`/proc/${child}/stat`, "utf8").catch(() => ") X");
      return /\) [ZX]/.test(state);
    }, "the child's end");
  });

  test("does not start where the source cannot be read", async () => {
    await using place = await folder({ "own.ts": own });
    // Of all files that it could start as a child there is none.
    const script =
      'cp "$1" gee && exec 3<gee && rm gee && exec /proc/self/fd/3 server --no-register own.ts';
    await using server = startCommand(["bash", "-c", script, "bash", executable], {
      cwd: place.path,
      env: { XDG_CACHE_HOME: join(place.path, "cache") },
    });
    expect(await server.exited).toBe(1);
    expect(server.stdout()).toBe("");
    expect(server.stderr()).toContain("error: FAILED_PRECONDITION  the source of");
    expect(server.stderr()).toContain("hint: ");
  });

  test("is told from a program that was compiled with the library inside", async () => {
    const index = new URL("../../src/index.ts", import.meta.url).pathname;
    await using place = await folder({
      "own.ts": own,
      "program.ts": `
        import { readContract } from ${JSON.stringify(index)};
        const found = readContract(process.argv[2] ?? "", { cacheDir: false });
        console.log(JSON.stringify(await found.catch(({ code, reason, hint }) => ({ code, reason, hint }))));
      `,
    });
    await Bun.build({
      entrypoints: [join(place.path, "program.ts")],
      compile: { outfile: join(place.path, "program") },
    });
    const path = join(place.path, "own.ts");
    await using program = startCommand([join(place.path, "program"), path]);
    expect(await program.exited).toBe(0);
    const said = new Fields(JSON.parse(program.stdout()), "error");
    expect(said.need("reason", String)).toBe("NO_CHILD");
    expect(program.stderr()).toBe("");
  });

  test("shows the child's word in no help, and does not suggest it", async () => {
    const { stdout } = await gee(["help"]);
    expect(stdout).not.toContain("read-source");
    expect((await gee(["--read-sourc"])).stderr).not.toContain(childWord);
  });
});
