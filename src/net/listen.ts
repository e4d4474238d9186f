import { chmodSync, lstatSync, renameSync, statSync, unlinkSync } from "node:fs";
import { formatEndpoint, isLoopbackHost } from "../base/address.ts";
import type { Address, Endpoint } from "../base/address.ts";
import type { GeeError } from "../base/errors.ts";
import { bindError } from "../base/listening.ts";
import type { Clock } from "../base/time.ts";
import type { Link, LinkEvents } from "../wire/link.ts";
import { SocketLink, unixPeer } from "./socket.ts";
import type { SocketData } from "./socket.ts";

/** Queues of 512 connections that one port has. */
const listenersPerPort = 16;

/** What Bun takes, `reusePort` included, which its types leave out. */
type ListenOptions = Bun.TCPSocketListenOptions<SocketData> & { readonly reusePort: boolean };

/** A place where connections are accepted. */
export interface Listener {
  /** Where it really listens: the port that was found for port 0. */
  readonly address: Address;
  /** Accepts no more. Connections that were accepted live on. */
  stop(): void;
}

/** Called for each connection; what it returns hears of the link's bytes. */
export type Accept = (link: Link) => LinkEvents;

function reasonOf(error: unknown): string {
  const code: unknown =
    typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}

function cannotListen(endpoint: Endpoint, error: unknown): GeeError {
  return bindError(
    endpoint.kind === "unix" ? endpoint.path : formatEndpoint(endpoint).slice(4),
    error,
  );
}

function handlers(clock: Clock, accept: Accept, unix: boolean) {
  // The connections of one host share the text of its address, if they come one after the other.
  let host: string = unixPeer;
  return {
    ...SocketLink.handlers,
    open(socket: Bun.Socket<SocketData>): void {
      const own = unix ? unixPeer : socket.remoteAddress;
      // Reset while it waited to be accepted: there is nobody, and not even an address.
      if (own === undefined) {
        socket.terminate();
        return;
      }
      if (own !== host) host = own;
      const port = unix ? undefined : socket.remotePort;
      const link = new SocketLink(host, port, unix || isLoopbackHost(host), clock);
      link.open(socket, accept(link));
    },
  };
}

/**
 * Listens at an endpoint.
 *
 * @throws GeeError UNAVAILABLE, reason ADDRESS_IN_USE, ADDRESS_DENIED, ADDRESS_NOT_AVAILABLE,
 *   BIND_FAILED
 */
export async function listen(endpoint: Endpoint, clock: Clock, accept: Accept): Promise<Listener> {
  return endpoint.kind === "unix"
    ? await listenUnix(endpoint, clock, accept)
    : listenTcp(endpoint, clock, accept);
}

/**
 * Bun's queue of connections that wait to be accepted holds 512, whatever one asks for, and when it
 * overflows callers wait for a second and more. So one port has several listeners in this process,
 * each with a queue of its own. A plain one comes first: sharing a port would not tell that another
 * process has it.
 */
function listenTcp(endpoint: Endpoint & { kind: "tcp" }, clock: Clock, accept: Accept): Listener {
  const socket = handlers(clock, accept, false);
  const bind = (port: number, reusePort: boolean): Bun.TCPSocketListener<SocketData> => {
    const options: ListenOptions = { hostname: endpoint.host, port, reusePort, socket };
    return Bun.listen(options);
  };
  let listeners: Bun.TCPSocketListener<SocketData>[];
  try {
    listeners = [bind(endpoint.port, false)];
  } catch (error) {
    throw cannotListen(endpoint, error);
  }
  const port = listeners[0]?.port ?? endpoint.port;
  for (const listener of listeners) listener.stop(true);
  try {
    listeners = shared(() => bind(port, true));
  } catch {
    // Somebody took the port in between, or sharing is not possible here.
    try {
      listeners = [bind(endpoint.port, false)];
    } catch (error) {
      throw cannotListen(endpoint, error);
    }
  }
  return {
    address: formatEndpoint({
      kind: "tcp",
      host: endpoint.host,
      port: listeners[0]?.port ?? port,
    }),
    stop() {
      for (const listener of listeners) listener.stop();
    },
  };
}

/** As many listeners as one port gets, or none at all. */
function shared(
  bind: () => Bun.TCPSocketListener<SocketData>,
): Bun.TCPSocketListener<SocketData>[] {
  const listeners: Bun.TCPSocketListener<SocketData>[] = [];
  try {
    while (listeners.length < listenersPerPort) listeners.push(bind());
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.stop(true);
    throw error;
  }
}

/** Whether somebody answers at a unix socket. */
async function isLive(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.terminate();
    return true;
  } catch (error) {
    // Only a refusal proves that nobody is there; a full queue, say, is a sign of life.
    return reasonOf(error) !== "ECONNREFUSED" && reasonOf(error) !== "ENOENT";
  }
}

/**
 * Bun removes whatever stands at a unix path before it binds, a living server's socket included, so
 * the path is looked at first. The socket is bound beside its place, closed to other users, and only
 * then moved there: nobody can connect in between.
 */
async function listenUnix(
  endpoint: Endpoint & { kind: "unix" },
  clock: Clock,
  accept: Accept,
): Promise<Listener> {
  const { path } = endpoint;
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isSocket()) {
    throw cannotListen(endpoint, new Error("something that is no socket stands there"));
  }
  if (there !== undefined && (await isLive(path))) {
    throw cannotListen(endpoint, Object.assign(new Error("in use"), { code: "EADDRINUSE" }));
  }
  const beside = `${path}~`;
  let listener: Bun.UnixSocketListener<SocketData> | undefined;
  try {
    const bound = Bun.listen<SocketData>({
      unix: path.length < 107 ? beside : path,
      socket: handlers(clock, accept, true),
    });
    listener = bound;
    if (path.length < 107) {
      chmodSync(beside, 0o600);
      renameSync(beside, path);
    } else {
      chmodSync(path, 0o600);
    }
    const own = statSync(path);
    return {
      address: formatEndpoint(endpoint),
      stop() {
        bound.stop();
        // Another process may serve the path by now; its socket is not ours to remove.
        const now = lstatSync(path, { throwIfNoEntry: false });
        if (now !== undefined && now.ino === own.ino && now.dev === own.dev) unlinkSync(path);
      },
    };
  } catch (error) {
    listener?.stop();
    throw cannotListen(endpoint, error);
  }
}
