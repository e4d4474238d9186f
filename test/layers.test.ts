import { expect, test } from "bun:test";

// Which part may know which, and through which file each power of the outside world comes in.

/** From which places a place may import; from its own folder always. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  // What a service promises, as plain data.
  contract: ["base"],
  // Reads contracts from TypeScript source, in a process of its own.
  source: ["base", "contract"],
  wire: ["base"],
  streams: ["base"],
  net: ["base", "wire"],
  rpc: ["base", "contract", "wire", "streams"],
  fleet: ["base"],
  discovery: ["base"],
  // The registry's own side.
  directory: ["base", "discovery"],
  routing: ["base", "contract", "wire", "streams", "rpc", "fleet", "discovery"],
  client: ["base", "contract", "wire", "streams", "net", "rpc", "fleet", "discovery", "routing"],
  // A server calls other services as any client does.
  server: ["base", "contract", "wire", "streams", "net", "rpc", "fleet", "discovery", "client"],
  registry: ["base", "wire", "net", "rpc", "fleet", "discovery", "directory"],
  // A server and its client in one process, without a port.
  testing: ["base", "contract", "wire", "rpc", "client", "server"],
  index: [
    ...["base", "contract", "source", "wire", "streams", "rpc", "fleet", "discovery"],
    ...["client", "server", "registry", "testing"],
  ],
  cli: ["base", "contract", "source", "client", "server", "registry", "index"],
  main: ["cli"],
};

/** What comes from outside, and who may ask for it. */
const packages: readonly (readonly [name: RegExp, place: RegExp])[] = [
  [/^cbor-x/, /^wire\/codec\.ts$/],
  [/^commander$/, /^cli\/args\.ts$/],
  [/^bun$/, /^net\//],
  [/^node:crypto$/, /^(discovery|directory)\/|^source\/contract-cache\.ts$/],
  [/^bun:sqlite$/, /^directory\/sqlite-store\.ts$/],
  [
    /^node:fs$/,
    /^(net\/(listen|descriptors)\.ts$|discovery\/list-cache\.ts$|directory\/sqlite-store\.ts$|source\/|cli\/)/,
  ],
  [/^node:(path|url)$/, /^(source|cli)\//],
  [/^typescript$/, /^source\//],
  [/package\.json$/, /^cli\/version\.ts$/],
];

/** Each power comes in through one place. */
const doors: readonly (readonly [power: RegExp, place: RegExp])[] = [
  [/\bBun\.(listen|connect)\b/, /^net\//],
  [/\bBun\.serve\b/, /^registry\.ts$/],
  [/\bBun\.plugin\b/, /^cli\/load-module\.ts$/],
  [/\bBun\.(file|write|stdin|stdout|stderr|spawn|spawnSync|env|argv|sleep)\b/, /^(source|cli)\//],
  // As a key it is what Bun.serve calls.
  [/\bfetch\b(?!\??:)/, /^(discovery\/registry-client|directory\/etcd-client)\.ts$/],
  [/\b(Date\.now|performance\.now|new Date\(\))/, /^base\/time\.ts$/],
  [/\b(setTimeout|setInterval|setImmediate|AbortSignal\.timeout)\b/, /^base\/time\.ts$/],
  // One thread beats for a server that is busy; everything else runs in the main loop.
  [/\bnew Worker\b/, /^discovery\/beat-thread\.ts$/],
  [/\bself\./, /^discovery\/beat-worker\.ts$/],
  // Chance is handed in, as time is: it may be named as a default and is called nowhere.
  [/\bMath\.random\(/, /^$/],
  [/\bcrypto\./, /^(rpc\/answering|cli\/(server|supervisor))\.ts$/],
  [/\bprocess\./, /^(main\.ts|cli\/|source\/(surroundings|child)\.ts)/],
  [/\bconsole\./, /^(main\.ts|cli\/|base\/log\.ts)/],
  [/\b(eval|new Function|globalThis|require)\b[.(]/, /^$/],
];

/** Lines of a file; more are a sign that it has two subjects. */
const maxLines = 300;

/** Files that are longer: they may shrink, and not grow. */
const longer: Readonly<Record<string, number>> = {};

const source = new URL("../src/", import.meta.url).pathname;
const files = [...new Bun.Glob("**/*.ts").scanSync(source)].sort();
const lines = new Map(
  await Promise.all(
    files.map(async (file) => [file, (await Bun.file(source + file).text()).split("\n")] as const),
  ),
);

function placeOf(file: string): string {
  const slash = file.indexOf("/");
  return slash < 0 ? file.replace(/\.ts$/, "") : file.slice(0, slash);
}

/** Every line of code, comments left out, as `file:line` and text. */
function* code(): Generator<readonly [file: string, at: string, text: string]> {
  for (const [file, texts] of lines) {
    for (const [index, text] of texts.entries()) {
      if (!/^\s*(\/\/|\/\*|\*)/.test(text)) yield [file, `${file}:${index + 1}`, text];
    }
  }
}

/** Every import, type-only ones and those at run time included. */
function* imports(): Generator<readonly [file: string, at: string, path: string]> {
  for (const [file, at, text] of code()) {
    for (const [, path] of text.matchAll(/(?:\bfrom |\bimport |\bimport\()"([^"]+)"/g)) {
      if (path !== undefined) yield [file, at, path];
    }
  }
}

test("every place has its rule", () => {
  expect([...new Set(files.map(placeOf))].filter((place) => !(place in mayImport))).toEqual([]);
});

test("imports point down, never up and never sideways", () => {
  const wrong: string[] = [];
  for (const [file, at, path] of imports()) {
    if (!/^\.{1,2}\//.test(path) || path.endsWith("package.json")) continue;
    const target = new URL(path, `file:///${file}`).pathname.slice(1);
    const [from, to] = [placeOf(file), placeOf(target)];
    if (from !== to && mayImport[from]?.includes(to) !== true) wrong.push(`${at} -> ${target}`);
  }
  expect(wrong).toEqual([]);
});

test("what comes from outside is asked for in one place", () => {
  const wrong: string[] = [];
  for (const [file, at, path] of imports()) {
    if (/^\.{1,2}\//.test(path) && !path.endsWith("package.json")) continue;
    const allowed = packages.some(([name, place]) => name.test(path) && place.test(file));
    if (!allowed) wrong.push(`${at} imports ${path}`);
  }
  expect(wrong).toEqual([]);
});

test("each power of the outside world has one door", () => {
  const wrong: string[] = [];
  for (const [file, at, text] of code()) {
    for (const [power, place] of doors) {
      if (power.test(text) && !place.test(file)) wrong.push(`${at} uses ${power.source}`);
    }
  }
  expect(wrong).toEqual([]);
});

/** Everything that is loaded with a file: not what it imports at some later time. */
function loadedWith(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found;
  found.add(file);
  const statements = (lines.get(file) ?? [])
    .join("\n")
    .matchAll(/^(?:import|export) [^;]*?"([^"]+)";$/gm);
  for (const [statement, path = ""] of statements) {
    if (/^(import|export) type /.test(statement)) continue;
    if (path.startsWith(".")) loadedWith(new URL(path, `file:///${file}`).pathname.slice(1), found);
    else found.add(path);
  }
  return found;
}

test("TypeScript is loaded by the process that reads source, and by no other", () => {
  expect([...loadedWith("source/child.ts")]).toContain("typescript");
  const others = files.filter((file) => !file.startsWith("source/"));
  for (const file of [...others, "source/read-contract.ts", "source/library.ts"]) {
    expect([file, loadedWith(file).has("typescript")]).toEqual([file, false]);
  }
  expect([...loadedWith("main.ts")]).not.toContain("source/read-contract.ts");
});

test("no file outgrows its subject", () => {
  const wrong: string[] = [];
  for (const [file, texts] of lines) {
    const count = texts.length - 1;
    const max = longer[file] ?? maxLines;
    if (count > max) wrong.push(`${file} has ${count} lines, more than ${max}`);
  }
  for (const file of Object.keys(longer)) {
    const count = (lines.get(file)?.length ?? 1) - 1;
    if (count <= maxLines) wrong.push(`${file} is short enough now: take it off the list`);
  }
  expect(wrong).toEqual([]);
});

test("the layers have no cycle", () => {
  const done = new Set<string>();
  const visit = (place: string, path: readonly string[]): void => {
    if (path.includes(place)) throw new Error([...path, place].join(" -> "));
    if (done.has(place)) return;
    for (const next of mayImport[place] ?? []) visit(next, [...path, place]);
    done.add(place);
  };
  for (const place of Object.keys(mayImport)) visit(place, []);
  expect(done.size).toBe(Object.keys(mayImport).length);
});
