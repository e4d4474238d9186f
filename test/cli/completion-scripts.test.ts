import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { completionScript } from "../../src/cli/completions.ts";
import type { Shell } from "../../src/cli/completions-spec.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { serve, serveRegistry } from "../../src/index.ts";
import { folder, type Folder } from "../support/folder.ts";

// The scripts in real shells, over a registry and a server in this process. zsh and fish need not be
// there; bash is what CI has.

const main = join(import.meta.dir, "../../src/main.ts");
const stack = new AsyncDisposableStack();
let place: Folder;
let registry = "";

beforeAll(async () => {
  place = stack.use(await folder({ "module.ts": "", "other.ts": "" }));
  const directory = stack.use(await serveRegistry({ listen: "127.0.0.1:0", log: silentLog }));
  const server = stack.use(
    await serve({
      services: { Foo: new Foo() },
      registry: directory.url,
      lameDuckMs: 0,
      log: silentLog,
    }),
  );
  await server.registered;
  registry = directory.url;
  for (const shell of ["bash", "zsh", "fish"] as const) {
    await place.write(`gee.${shell}`, completionScript(shell, [process.execPath, main]));
  }
});

afterAll(() => stack.disposeAsync());

async function inShell(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn([...command], {
    cwd: place.path,
    env: { PATH: process.env.PATH, HOME: place.path, GEE_REGISTRY: registry, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [code, stdout, stderr] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { code, stdout, stderr };
}

/**
 * What a shell was given, until it is what is expected: who has little time on a busy machine is given
 * nothing, and asks again. After that many times it is wrong.
 */
async function settled<T>(ask: () => Promise<T>, expected: T): Promise<T> {
  let found = await ask();
  for (let times = 1; times < 30 && !Bun.deepEquals(found, expected); times++) found = await ask();
  return found;
}

/** What bash holds of a line that is typed: it takes words apart at `:`, `=` and `@` too. */
function bashWords(line: string): readonly string[] {
  const words =
    line.match(/"[^"]*"?|'[^']*'?|\$\([^)]*\)?|`[^`]*`?|[:=@]+|[^\s:=@"'`$]+|\$/g) ?? [];
  return /\s$/.test(line) ? [...words, ""] : words;
}

/** What bash would put in the place of the last part of what is typed. */
async function bash(line: string, words = bashWords(line)): Promise<readonly string[]> {
  const script = `
    source gee.bash
    COMP_LINE="$1"; COMP_POINT=\${#1}; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _gee gee "" ""
    ((\${#COMPREPLY[@]})) && printf '%s\\n' "\${COMPREPLY[@]}"
    true`;
  const command = ["bash", "--norc", "-c", script, "bash", line, ...words];
  const { code, stdout, stderr } = await inShell(command);
  expect([line, code, stderr]).toEqual([line, 0, ""]);
  return stdout.split("\n").slice(0, -1);
}

const lines: readonly (readonly [line: string, expected: readonly string[]])[] = [
  ["gee ca", ["call"]],
  ["gee call F", ["Foo.Sum", "Foo.Sleep", "Foo.Count", "Foo.Total"]],
  ["gee call Foo.Su", ["Foo.Sum"]],
  ["gee list F", ["Foo"]],
  ["gee call --policy ro", ["round-robin"]],
  ["gee call --all Foo.Su", ["Foo.Sum"]],
  ["gee call 'Foo.Su", ["Foo.Sum"]],
  ['gee call "Foo.Su', ["Foo.Sum"]],
  ["gee nonsense F", []],
];

test.each(lines)("bash: %s", async (line, expected) => {
  expect(await settled(() => bash(line), expected)).toEqual(expected);
});

test("bash: of a word that it takes apart, the last part is completed", async () => {
  expect(await bash("gee registry --store=sq")).toEqual(["sqlite:"]);
  expect(await bash("gee registry --store=")).toEqual(["memory", "sqlite:", "etcd://"]);
  expect(await bash("gee registry --store etcd:")).toEqual(["//"]);
  expect(await bash("gee registry --store etcd:/")).toEqual(["//"]);
  // With a bash that is told not to.
  expect(await bash("gee registry --store=sq", ["gee", "registry", "--store=sq"])).toEqual([
    "--store=sqlite:",
  ]);
  const [host = "", port = ""] = registry.replace("http://", "").split(":");
  const typed = `gee call --registry http://${host}:${port} Foo.Su`;
  expect(await settled(() => bash(typed), ["Foo.Sum"])).toEqual(["Foo.Sum"]);
});

test("bash: what stands behind the cursor is not looked at", async () => {
  const script = `
    source gee.bash
    COMP_LINE="gee li Foo"; COMP_POINT=6; COMP_WORDS=(gee li Foo); COMP_CWORD=1
    _gee; printf '%s\\n' "\${COMPREPLY[@]}"
    COMP_LINE="gee list x"; COMP_POINT=6; COMP_WORDS=(gee list x); COMP_CWORD=1
    _gee; printf '%s\\n' "\${COMPREPLY[@]}"`;
  expect((await inShell(["bash", "--norc", "-c", script])).stdout).toBe("list\nlist\n");
});

test("bash: without the line, the words are taken as they are", async () => {
  const script = `
    source gee.bash
    COMP_WORDS=(gee call Foo.Su); COMP_CWORD=2
    _gee; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const ask = async () => (await inShell(["bash", "--norc", "-c", script])).stdout;
  expect(await settled(ask, "Foo.Sum\n")).toBe("Foo.Sum\n");
});

/** Lines that would leave a file behind if anything of them were run. */
const traps = [
  "gee call $(touch trap) Foo.Su",
  "gee call `touch trap` Foo.Su",
  "gee call $(touch trap",
  "gee call `touch trap",
  'gee call "$(touch trap)" ',
  'gee "$(touch trap)" Foo.Su',
  "gee call --registry $(touch trap) Foo.Su",
  "gee call --registry=`touch trap` Foo.Su",
  "gee call Foo.Sum 'a b' ${x[$(touch trap)]} ",
  "gee call x[$(touch trap)]=1 Foo.Su",
  "gee call ; touch trap ; Foo.Su",
  "gee call <(touch trap) Foo.Su",
];

test.each(traps)("bash runs nothing of %s", async (line) => {
  const words = bashWords(line);
  await bash(line);
  await bash(line, [...words.slice(0, -1), words.at(-1) ?? ""]);
  await bash("", words);
  expect(await readdir(place.path)).not.toContain("trap");
});

test("bash loads the script without a word, and has gee's files completed by itself", async () => {
  const script = 'eval "$(cat gee.bash)"; complete -p gee';
  const { stdout, stderr } = await inShell(["bash", "--norc", "-uec", script]);
  expect([stdout, stderr]).toEqual(["complete -o default -F _gee gee\n", ""]);
});

/** Whether a shell is there; says so when it is not. */
function has(name: Shell): boolean {
  if (Bun.which(name) !== null) return true;
  console.log(`skipped: ${name} is not installed`);
  return false;
}

test("zsh takes the script", async () => {
  if (!has("zsh")) return;
  expect(await inShell(["zsh", "-f", "-n", "gee.zsh"])).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
  const script = "compdef() { print -r -- $@ }; source ./gee.zsh; (( $+functions[_gee] ))";
  expect(await inShell(["zsh", "-fc", script])).toEqual({
    code: 0,
    stdout: "_gee gee\n",
    stderr: "",
  });
});

test("zsh hands candidates on, and runs nothing of what is typed", async () => {
  if (!has("zsh")) return;
  const script = `
    compdef() { :; }
    compadd() { print -r -- "\${(P@)@[-1]}" }
    _files() { print files }
    source ./gee.zsh
    words=("$@"); CURRENT=$#; PREFIX=$words[-1]
    _gee`;
  for (const [line, expected] of lines.filter(([each]) => !/["']/.test(each))) {
    const command = ["zsh", "-fc", script, "zsh", ...line.split(" ")];
    const ask = async () => [line, ...(await inShell(command)).stdout.trim().split(/\s+/)];
    const wanted = [line, ...(expected.length > 0 ? expected : ["files"])];
    expect(await settled(ask, wanted)).toEqual(wanted);
  }
  for (const line of traps) await inShell(["zsh", "-fc", script, "zsh", ...line.split(" ")]);
  expect(await readdir(place.path)).not.toContain("trap");
});

test("fish takes the script, and completes with it", async () => {
  if (!has("fish")) return;
  expect(await inShell(["fish", "--no-config", "-n", "gee.fish"])).toMatchObject({ code: 0 });
  const ask = "source gee.fish; complete -C $argv[1]";
  for (const [line, expected] of lines.filter(([, each]) => each.length > 0)) {
    const names = async () => {
      const { stdout } = await inShell(["fish", "--no-config", "-c", ask, line]);
      const found = stdout.trimEnd().split("\n");
      return [line, ...found.map((each) => each.split("\t")[0]).sort()];
    };
    const wanted = [line, ...expected.toSorted()];
    expect(await settled(names, wanted)).toEqual(wanted);
  }
  for (const line of traps) await inShell(["fish", "--no-config", "-c", ask, line]);
  expect(await readdir(place.path)).not.toContain("trap");
});
