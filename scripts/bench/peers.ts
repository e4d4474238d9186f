// How each peer's two processes are started.

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Before } from "./before.ts";
import { Child, ownFolder, PeerFailed } from "./processes.ts";
import { installPackages } from "./packages.ts";
import { packaged, peerTitles } from "./rows.ts";
import type { PeerName, Row } from "./rows.ts";
import type { Setup } from "./work.ts";

const program = fileURLToPath(import.meta.resolve("./peer.ts"));
const goSource = fileURLToPath(import.meta.resolve("./go/main.go"));

/** What of the surroundings the benchmark can use. */
export interface Surroundings {
  /** Go's program, built; undefined without Go. */
  readonly go: string | undefined;
  readonly taskset: string | undefined;
  /** Peers whose packages are installed. */
  readonly packages: ReadonlySet<PeerName>;
  /** The other commit's gee, for the guard; undefined when nobody asks for it. */
  readonly before: Before | undefined;
  /** What is left out, and why. */
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

async function buildGo(): Promise<{ readonly path?: string; readonly why: string }> {
  const go = Bun.which("go");
  if (go === null) return { why: "go is not installed" };
  const path = `${ownFolder()}/netrpc`;
  // Nothing but the standard library, so nothing is to be fetched either.
  const env = { GO111MODULE: "off", GOTOOLCHAIN: "local", GOFLAGS: "" };
  await using build = new Child("go build", [go, "build", "-o", path, goSource], env);
  try {
    await build.expect("end of go build");
  } catch (error) {
    if (await Bun.file(path).exists()) return { path, why: "" };
    if (!(error instanceof PeerFailed)) throw error;
    return { why: `it could not be built: ${error.message}` };
  }
  return { why: "go build spoke" };
}

/** Looks around once, for the peers and the pinning that the rows ask for. */
export async function lookAround(rows: readonly Row[]): Promise<Surroundings> {
  const skipped: { what: string; why: string }[] = [];
  let go: string | undefined;
  if (rows.some((row) => row.peers.includes("go"))) {
    const built = await buildGo();
    go = built.path;
    if (go === undefined) skipped.push({ what: peerTitles.go, why: built.why });
  }
  const taskset = Bun.which("taskset") ?? undefined;
  if (taskset === undefined && rows.some((row) => row.pinned !== undefined)) {
    skipped.push({ what: "processes held to a CPU", why: "taskset is not installed" });
  }
  const wanted = packaged.filter((peer) => rows.some((row) => row.peers.includes(peer)));
  const missing = wanted.length === 0 ? undefined : await installPackages();
  if (missing !== undefined) {
    skipped.push(...wanted.map((peer) => ({ what: peerTitles[peer], why: missing })));
  }
  const packages = new Set(missing === undefined ? wanted : []);
  return { go, taskset, packages, before: undefined, skipped };
}

function cpuOf(role: string, pinned: "together" | "apart"): string {
  return pinned === "apart" && role !== "server" && availableParallelism() > 1 ? "1" : "0";
}

/** Starts one end of a peer. */
export function start(
  peer: PeerName,
  role: "server" | "client" | "holder",
  setup: string,
  pinned: Row["pinned"],
  { go, taskset, before }: Surroundings,
): Child {
  const command =
    peer === "go"
      ? [go ?? "", role, setup]
      : peer === "before"
        ? [process.execPath, before?.program ?? "", "gee", role, setup]
        : [process.execPath, program, peer, role, setup];
  return new Child(
    `${peerTitles[peer]}, ${role}`,
    // taskset becomes the program that it starts, so the process id stays the same.
    pinned !== undefined && taskset !== undefined
      ? [taskset, "-c", cpuOf(role, pinned), ...command]
      : command,
    peer === "http" ? { BUN_CONFIG_MAX_HTTP_REQUESTS: "600" } : {},
  );
}

/** Has a process and all its threads run on one CPU from now on. */
export function pin(child: Child, cpu: number, { taskset }: Surroundings): void {
  if (taskset === undefined) return;
  Bun.spawnSync([taskset, "-acp", String(cpu), String(child.pid)], { stdout: "ignore" });
}

/** A peer's two ends, connected. */
export interface Pair extends AsyncDisposable {
  readonly peer: PeerName;
  readonly server: Child;
  readonly client: Child;
}

/** Starts a server, and a client of it with what a row asks for. */
export async function startPair(peer: PeerName, row: Row, around: Surroundings): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  if (row.work === "idle") throw new Error("nobody calls in the idle row");
  const { work, size, connections, inFlight } = row;
  const shape = JSON.stringify({ work, size });
  const server = stack.use(start(peer, "server", shape, row.pinned, around));
  const port = Number(await server.expect("listening"));
  const setup: Setup = { port, work, size, connections, inFlight };
  const client = stack.use(start(peer, "client", JSON.stringify(setup), row.pinned, around));
  await client.expect("ready");
  const parts = stack.move();
  return { peer, server, client, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
