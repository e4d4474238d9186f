import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../src/base/limits.ts";

// The README is run: files are written, commands are typed, and what they print is compared, ports,
// ids and times aside. Only the ports of registries differ: a test takes free ones. What needs more than
// this machine is sure to have (an etcd) stands in a block of `sh`, which is not run.

const root = join(import.meta.dir, "..");
const compiled = join(root, "gee");

interface Block {
  readonly language: string;
  readonly file: string | undefined;
  readonly text: string;
}

interface Step {
  readonly command: string;
  readonly expected: readonly string[];
}

const readme = await readFile(join(root, "README.md"), "utf8");
const blocks: readonly Block[] = [
  ...readme.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm),
].map(([, language = "", file, text = ""]) => ({ language, file, text }));

function steps(block: Block): readonly Step[] {
  return block.text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = "", ...expected] = part.trimEnd().split("\n");
      return { command, expected };
    });
}

function normal(line: string): string {
  return (
    line
      .replaceAll(/\b[0-9a-f]{32}\b/g, "ID")
      .replaceAll(/\bpid \d+\b/g, "pid N")
      .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
      .replaceAll(/\bcontract [0-9a-f]{6}\b/g, "contract HASH")
      .replaceAll(/\bby server [12]\b(?! and)/g, "by server N")
      .replaceAll(/\b\d+(?:\.\d+)?(?:ms|s)\b(?!,| unless)/g, "TIME")
      // Figures of gee bench; what they are of has to be right.
      .replace(/^(?:calls|rate|latency|service|instances|status|client) .*/, (figures) =>
        figures.replaceAll(/\b[\d.,]+(?=%| |\/s|$)/g, "N"),
      )
      .trimEnd()
  );
}

let folder = "";
/** Where the registries of the README are, by the host and port that it shows. */
const registries = new Map<string, string>();
/** The jobs of the reader's shell, from %1 on. */
const started: Bun.Subprocess[] = [];

function atRealPorts(command: string): string {
  let real = command;
  for (const [shown, host] of registries) real = real.replaceAll(shown, host);
  return real;
}

/** The registry that is asked when none is named. */
function defaultRegistry(): string | undefined {
  const host = registries.get("127.0.0.1:9999");
  return host === undefined ? undefined : `http://${host}`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gee-readme-"));
  await mkdir(join(folder, "bin"));
  const gee = existsSync(compiled)
    ? `exec "${compiled}" "$@"`
    : `exec "${process.execPath}" "${join(root, "src/main.ts")}" "$@"`;
  await writeFile(join(folder, "bin/gee"), `#!/bin/sh\n${gee}\n`, { mode: 0o755 });
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules/gee"));
});

afterAll(async () => {
  for (const process of started.reverse()) process.kill("SIGKILL");
  await Promise.all(started.map((process) => process.exited));
  await rm(folder, { recursive: true, force: true });
});

function run(command: string): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  return Bun.spawn(["sh", "-c", command], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
      ...(defaultRegistry() === undefined ? {} : { GEE_REGISTRY: defaultRegistry() }),
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Starts a command that stays, and resolves when it has printed what is expected of it. */
async function startInBackground({ command, expected }: Step): Promise<void> {
  const typed = command.replace(/ &$/, "");
  // One that was killed comes back where it was.
  const [, shown = "127.0.0.1:9999"] = / --listen (\S+)/.exec(typed) ?? [];
  const own = /^gee (?:registry|dev) /.test(`${typed} `)
    ? `${typed.replace(/ --listen \S+/, "")} --listen ${registries.get(shown) ?? "127.0.0.1:0"}`
    : atRealPorts(typed);
  const child = run(`exec ${own}`);
  started.push(child);
  const lines: string[] = [];
  const complete = Promise.withResolvers<void>();
  const missing = (): readonly string[] => {
    const have = lines.map(normal);
    return expected.filter((line) => !have.includes(normal(line)));
  };
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      if (missing().length === 0) complete.resolve();
    }
  };
  void Promise.all([read(child.stdout), read(child.stderr)]).then(() => complete.resolve());
  await complete.promise;
  expect({ command, missing: missing(), printed: missing().length === 0 ? [] : lines }).toEqual({
    command,
    missing: [],
    printed: [],
  });
  const host = lines.map((line) => /^registry +http:\/\/(\S+)/.exec(line)?.[1]).find(Boolean);
  if (host !== undefined) registries.set(shown, host);
}

/** What a shell does with `kill -9 %N`, a job of its own. */
async function killJob(job: number): Promise<void> {
  const child = started[job - 1];
  child?.kill("SIGKILL");
  await child?.exited;
}

async function runToEnd(step: Step): Promise<void> {
  const { expected } = step;
  const [command = "", job] = step.command.split("; kill -9 %");
  const child = run(atRealPorts(command));
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const printed = (out + err).trimEnd().split("\n").map(normal);
  if (code !== 0) printed.push(`[exit ${code}]`);
  const wanted = expected.map(normal);
  // Of a reply with headers the README shows the telling ones.
  // Which registries are warming depends on how fast the page is read.
  const seen = command.startsWith("curl")
    ? printed.filter((line) => wanted.includes(line))
    : printed.filter(
        (line) => line !== "" && (!/^(warming|note) /.test(line) || wanted.includes(line)),
      );
  expect({ command, printed: seen }).toEqual({ command, printed: wanted });
  if (job !== undefined) await killJob(Number(job));
}

for (const [index, block] of blocks.entries()) {
  const first = block.text.split("\n")[0] ?? "";
  if (block.language === "ts" && block.file !== undefined) {
    const { file } = block;
    test(`README, block ${index + 1}: ${file} runs`, async () => {
      const registry = `registry: "${defaultRegistry()}"`;
      const source = block.text
        .replace("connect()", `connect({ ${registry} })`)
        .replace("connect({ zone", `connect({ ${registry}, zone`);
      await writeFile(join(folder, file), source);
      if (!/^await using/m.test(block.text)) return;
      const prints = [...block.text.matchAll(/\/\/ prints (.*)$/gm)].map(([, text = ""]) => text);
      const expected = prints.length === 0 ? ["3"] : prints;
      await runToEnd({ command: `"${process.execPath}" ${file}`, expected });
    });
  }
  if (block.language === "console") {
    test(`README, block ${index + 1}: ${first} prints what it says`, async () => {
      for (const step of steps(block)) {
        const missing = ["curl", "openssl"].find(
          (program) => step.command.includes(`${program} `) && Bun.which(program) === null,
        );
        // What follows a step may need what it made.
        if (missing !== undefined) {
          console.log(`skipped from here on: ${missing} is not installed`);
          return;
        }
        if (step.command.endsWith("&")) await startInBackground(step);
        else await runToEnd(step);
      }
    }, 20_000);
  }
}

test("the README has its blocks", () => {
  expect(blocks.filter(({ language }) => language === "console").length).toBeGreaterThanOrEqual(4);
});

test("the README's defaults are those in force", () => {
  const number = (value: number): string => value.toLocaleString("en-US");
  const stated: readonly (readonly [row: string, value: string])[] = [
    ["deadline of a call", `${limits.callTimeoutMs / 1_000} s`],
    ["a stream in which nothing moves", `${limits.streamIdleMs / 1_000} s`],
    [
      "a silent server gets no new call after",
      `${(2 * limits.pingIntervalMs) / 1_000} s to ${(3 * limits.pingIntervalMs) / 1_000} s`,
    ],
    ["a call passes by a slow connect after", `${limits.slowDialMs} ms`],
    [
      "a connection that has no call is closed after",
      `${limits.idleConnectionMs / 60_000} min to ${(2 * limits.idleConnectionMs) / 60_000} min`,
    ],
    ["a connection is replaced after", `${limits.maxConnectionAgeMs / 60_000} min`],
    ["metadata of a message", `${limits.maxMetadataBytes / 1_024} KiB`],
    ["items ahead of a stream's reader", `${limits.streamWindowBytes / 1_024} KiB`],
    [
      "answers kept by idempotency key",
      `${limits.idempotencyWindowMs / 60_000} min, ${number(limits.maxIdempotencyKeys)} keys, ` +
        `${limits.maxIdempotencyBytes / 1_048_576} MiB`,
    ],
    ["connect, and then the server's hello", `${limits.connectTimeoutMs / 1_000} s each`],
    [
      "a lost connection is dialled again after",
      `${limits.redialMinMs} ms, doubling to ${limits.redialMaxMs / 1_000} s`,
    ],
    ["member list watched when in use for", `${limits.refreshAfterMs / 1_000} s`],
    ["member list of a GeeRPC registry refreshed", `${limits.refreshAfterMs / 1_000} s`],
    [
      "removals stop",
      `${limits.freezeShare * 100} % and ${limits.freezeLeast} late, ` +
        `for ${limits.maxFreezeMs / 60_000} min`,
    ],
    ["a beat every third of it", `${limits.leaseMs / 1_000} s`],
    ["lease of a GeeRPC server", `${limits.oldLeaseMs / 60_000} min`],
    ["| message ", `${limits.maxMessageBytes / 1_048_576} MiB`],
    ["depth and items", `${limits.maxValueDepth}, ${number(limits.maxItems)}`],
    ["servers of one service that a client calls", String(limits.subsetSize)],
    ["connections to one of them", `1, up to ${limits.maxConnectionsPerServer} `],
    ["nobody can be reached: tried again for", `${limits.unreachableMs / 1_000} s`],
    ["a call is sent, at most", `${limits.maxAttempts} times`],
    ["calls in flight on a connection", number(limits.maxInFlight)],
    ["handlers at once in a server", number(limits.maxRunningHandlers)],
    ["unsent replies that pause", `${limits.pauseReadingBytes / 1_048_576} MiB`],
    ["sent elsewhere after SIGTERM", `${limits.lameDuckMs / 1_000} s`],
    ["running handlers finish within", `${limits.drainTimeoutMs / 1_000} s`],
  ];
  const wrong = stated.filter(
    ([row, value]) =>
      !readme
        .split("\n")
        .some((line) => line.startsWith("|") && line.includes(row) && line.includes(`| ${value}`)),
  );
  expect(readme).toContain(`to ${limits.largestMaxMessageBytes / 1_048_576} MiB`);
  expect(limits.connectTimeoutMs).toBe(limits.helloTimeoutMs);
  expect(wrong).toEqual([]);
});
