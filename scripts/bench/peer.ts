// One end of a peer, in a process of its own: `bun peer.ts NAME server` or `... client SETUP`.
// It is told what to do line by line on stdin, answers on stdout, and ends when stdin does.

import { fail, passOnce, runCalls, runOnce } from "./load.ts";
import type { Flow, Load } from "./load.ts";
import type { Setup } from "./work.ts";

/** A server that listens on 127.0.0.1. */
export interface Served {
  readonly port: number;
  /** Connections that are open and have been greeted. */
  connections(): number;
}

/** What can be measured. */
export interface PeerProgram {
  /** Serves at a free port; `setup` says nothing of it, and nothing at all to hold connections. */
  serve(setup: Partial<Setup>): Promise<Served>;
  /** Opens the connections of a setup, for calls. */
  open(setup: Setup): Promise<Load>;
  /** Opens the connection of a setup, for streams. */
  openFlow(setup: Setup): Promise<Flow>;
  /** What a connection says first, to which the server has an answer. */
  hello(): Promise<Uint8Array>;
}

async function programOf(name: string): Promise<PeerProgram> {
  switch (name) {
    case "gee":
      return (await import("./peers/gee.ts")).program;
    case "tcp":
      return (await import("./peers/tcp.ts")).program;
    case "websocket":
      return (await import("./peers/websocket.ts")).program;
    case "http":
      return (await import("./peers/http.ts")).program;
    case "grpc":
    case "capnweb":
    case "trpc":
    case "moleculer": {
      // By a name that nothing follows: what it imports need not be installed.
      const path = new URL(`./packages/${name}.ts`, import.meta.url).href;
      const { program }: { readonly program: PeerProgram } = await import(path);
      return program;
    }
    default:
      throw new Error(`there is no peer ${name}`);
  }
}

/** CPU time of this process and all its threads so far. */
function ownCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function serve(program: PeerProgram, setup: Partial<Setup>): Promise<void> {
  const served = await program.serve(setup);
  console.log(`listening ${served.port}`);
  for await (const line of console) {
    if (line === "cpu") console.log(`cpu ${ownCpuUs()}`);
    if (line !== "settle") continue;
    for (let pass = 0; pass < 3; pass++) {
      Bun.gc(true);
      await Bun.sleep(100);
    }
    console.log(`connections ${served.connections()}`);
  }
}

function mark(word: "start" | "stop"): void {
  console.log(`${word} ${ownCpuUs()}`);
}

async function drive(program: PeerProgram, setup: Setup): Promise<void> {
  const load = await program.open(setup);
  console.log("ready");
  for await (const line of console) {
    const [word, first = "0", second = "0"] = line.split(" ");
    const result =
      word === "count"
        ? await runCalls(load, Number(first), mark)
        : await runOnce(load, Number(first), Number(second), mark);
    console.log(`result ${JSON.stringify(result)}`);
  }
}

async function driveFlow(program: PeerProgram, setup: Setup): Promise<void> {
  const flow = await program.openFlow(setup);
  console.log("ready");
  for await (const line of console) {
    const [, items] = line.split(" ").map(Number);
    console.log(`result ${JSON.stringify(await passOnce(flow, items ?? 0, mark))}`);
  }
}

function isStream({ work }: Setup): boolean {
  return work === "download" || work === "upload";
}

/** Opens connections that say hello, hear an answer and then nothing. */
async function hold(program: PeerProgram, port: number): Promise<void> {
  const hello = await program.hello();
  const sockets: Bun.Socket<PromiseWithResolvers<void>>[] = [];
  const open = async (): Promise<void> => {
    const data = Promise.withResolvers<void>();
    const socket = await Bun.connect<PromiseWithResolvers<void>>({
      hostname: "127.0.0.1",
      port,
      data,
      socket: {
        open: (opened) => void opened.write(hello),
        data: (opened) => opened.data.resolve(),
        close: () => fail(new Error("the server closed an idle connection")),
        error: (_, error) => fail(error),
      },
    });
    await data.promise;
    sockets.push(socket);
  };
  console.log("ready");
  for await (const line of console) {
    const wanted = Number(line.split(" ")[1]);
    while (sockets.length < wanted) {
      const count = Math.min(200, wanted - sockets.length);
      await Promise.all(Array.from({ length: count }, open));
    }
    console.log(`held ${sockets.length}`);
  }
}

async function main(name = "", role = "", setup = "{}"): Promise<void> {
  const program = await programOf(name);
  if (role === "server") {
    await serve(program, JSON.parse(setup));
  } else if (role === "client") {
    const asked: Setup = JSON.parse(setup);
    await (isStream(asked) ? driveFlow : drive)(program, asked);
  } else if (role === "holder") {
    await hold(program, Number(setup));
  } else {
    throw new Error(`there is no role ${role}`);
  }
  process.exit(0);
}

if (import.meta.main) await main(...process.argv.slice(2)).catch(fail);
