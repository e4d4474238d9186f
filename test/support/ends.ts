import { parseEndpoint } from "../../src/base/address.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { systemClock } from "../../src/base/time.ts";
import { createDial } from "../../src/net/dial.ts";
import { listen } from "../../src/net/listen.ts";
import { Connection } from "../../src/rpc/connection.ts";
import type { OutgoingCall } from "../../src/rpc/outgoing-call.ts";
import { Session } from "../../src/rpc/session.ts";
import type { SessionHost } from "../../src/rpc/session.ts";
import type { Link, LinkEvents } from "../../src/wire/link.ts";
import { callOf } from "./calls.ts";
import type { TestCall } from "./calls.ts";
import { FakeClock, until } from "./clock.ts";
import { connectionOptions, hostOf } from "./hosts.ts";
import type { TestHost } from "./hosts.ts";
import { linkPair } from "./links.ts";
import type { MemoryLinkOptions } from "./links.ts";
import { memoryLog } from "./memory-log.ts";
import { ScriptedPeer } from "./scripted-peer.ts";

export { callOf } from "./calls.ts";
export type { TestCall } from "./calls.ts";
export { hostOf } from "./hosts.ts";

/** Takes one end of a connection; what it returns hears of the link. */
export type Attach = (link: Link) => LinkEvents;

/** A way for bytes to go from a caller to a server and back. */
export interface Wire {
  readonly name: string;
  /** Resolves when both ends are attached. */
  join(caller: Attach, server: Attach): Promise<void>;
}

function memoryWire(name: string, options: MemoryLinkOptions): Wire {
  return {
    name,
    join(caller, server) {
      const pair = linkPair(options);
      pair.caller.open(caller(pair.caller));
      pair.server.open(server(pair.server));
      return Promise.resolve();
    },
  };
}

/** A wire with room for little, so that large frames wait unsent for a moment. */
export const narrowWire: Wire = memoryWire("memory with little room", { roomBytes: 65_536 });

/** Every protocol test runs over each of these. */
export const wires: readonly [memory: Wire, sockets: Wire] = [
  memoryWire("memory", {}),
  {
    name: "sockets",
    async join(caller, server) {
      let accepted = false;
      const endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
      const listener = await listen(endpoint, systemClock, (link) => {
        accepted = true;
        return server(link);
      });
      const dial = createDial(systemClock);
      await dial(parseEndpoint(listener.address), { timeoutMs: 2_000 }, caller);
      await until(() => accepted, "an accepted connection");
      listener.stop();
    },
  },
];

/** A scripted peer, and how to attach it to a wire: its bytes go through a pair in memory. */
export function scripted(plays: "caller" | "server"): {
  readonly peer: ScriptedPeer;
  readonly attach: Attach;
} {
  const pair = linkPair();
  const peer = new ScriptedPeer(pair.caller, plays);
  const attach: Attach = (link) => {
    const waiting: Uint8Array[] = [];
    const pump = (): void => {
      for (let bytes = waiting.shift(); bytes !== undefined; bytes = waiting.shift()) {
        const taken = link.write(bytes, 0, bytes.length);
        if (taken === bytes.length) continue;
        waiting.unshift(bytes.subarray(taken));
        return;
      }
    };
    pair.server.open({
      data(bytes) {
        waiting.push(bytes);
        if (waiting.length === 1) pump();
        return false;
      },
      drain() {},
      closed: () => link.close(),
    });
    return {
      data(bytes) {
        pair.server.write(bytes, 0, bytes.length);
        return false;
      },
      drain: pump,
      closed: () => pair.server.end(),
    };
  };
  return { peer, attach };
}

/** A caller and a server that have greeted each other, in time that moves by hand. */
export interface Ends extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly host: SessionHost;
  readonly session: Session;
  readonly connection: Connection;
  /** The server's log. */
  readonly lines: readonly string[];
  /** Starts a call on the connection. */
  call(method: string, args?: readonly unknown[], options?: TestCall): OutgoingCall;
}

/** What a test may say of a connection. */
export interface TestConnection {
  /** The instance that is meant. */
  readonly instance?: string;
  readonly firstCallId?: number;
  /** The largest message that it accepts; of `openEnds`, that either end does. */
  readonly maxMessageBytes?: number;
}

/** Joins a connection and a session that serves `services`. */
export async function openEnds(
  wire: Wire,
  services: Readonly<Record<string, object>>,
  options: TestConnection & Omit<TestHost, "clock" | "log"> = {},
): Promise<Ends> {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const { firstCallId, instance = "served", ...serving } = options;
  const host = hostOf(services, { clock, log, ...serving });
  const { deadlines } = host;
  const opened: { connection?: Connection; session?: Session } = {};
  await wire.join(
    (link) => {
      const { maxMessageBytes = limits.maxMessageBytes } = options;
      const caller = { clock, deadlines, instance, firstCallId, maxMessageBytes };
      opened.connection = new Connection(link, caller);
      return opened.connection.channel;
    },
    (link) => {
      opened.session = new Session(link, host);
      return opened.session.channel;
    },
  );
  const { connection, session } = opened;
  if (connection === undefined || session === undefined) throw new Error("an end is missing");
  await connection.ready;
  const callDeadlines = new Deadlines(clock);
  return {
    clock,
    host,
    session,
    connection,
    lines,
    call(method, args = [], own = {}) {
      const call = callOf(method, args, clock, callDeadlines, own);
      connection.start(call);
      return call;
    },
    async [Symbol.asyncDispose]() {
      connection.close(new GeeError("CANCELLED", "the test is over"));
      await connection.closedPromise;
    },
  };
}

/** A connection whose server is scripted. */
export async function openConnection(
  wire: Wire,
  options: TestConnection = {},
): Promise<{
  readonly clock: FakeClock;
  readonly peer: ScriptedPeer;
  readonly connection: Connection;
  readonly call: Ends["call"];
}> {
  const clock = new FakeClock();
  const { peer, attach } = scripted("server");
  let made: Connection | undefined;
  await wire.join((link) => {
    made = new Connection(link, connectionOptions({ clock, ...options }));
    return made.channel;
  }, attach);
  if (made === undefined) throw new Error("the connection is missing");
  const connection = made;
  await until(() => peer.frames.length > 0, "the caller's hello");
  const deadlines = new Deadlines(clock);
  return {
    clock,
    peer,
    connection,
    call(method, args = [], own = {}) {
      const call = callOf(method, args, clock, deadlines, own);
      connection.start(call);
      return call;
    },
  };
}

/** A session whose caller is scripted. */
export async function openSession(
  wire: Wire,
  services: Readonly<Record<string, object>>,
  options: Omit<TestHost, "clock" | "log"> = {},
): Promise<{
  readonly clock: FakeClock;
  readonly peer: ScriptedPeer;
  readonly session: Session;
  readonly host: SessionHost;
  readonly lines: readonly string[];
}> {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const host = hostOf(services, { clock, log, ...options });
  const { peer, attach } = scripted("caller");
  let session: Session | undefined;
  await wire.join(attach, (link) => {
    session = new Session(link, host);
    return session.channel;
  });
  if (session === undefined) throw new Error("the session is missing");
  return { clock, peer, session, host, lines };
}

/** What a promise rejects with; throws when it does not. */
export async function failureOf(work: Promise<unknown>): Promise<GeeError> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof GeeError) return thrown;
    throw thrown;
  }
  throw new Error("it did not fail");
}
