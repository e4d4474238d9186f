import { formatEndpoint, isLoopbackHost } from "../base/address.ts";
import type { Endpoint } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import type { Link, LinkEvents } from "../wire/link.ts";
import { SocketLink } from "./socket.ts";
import type { SocketData } from "./socket.ts";

/** Opens a connection to an endpoint. `attach` is called once it is there. */
export type Dial = (
  endpoint: Endpoint,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  attach: (link: Link) => LinkEvents,
) => Promise<void>;

function cannotConnect(where: string, cause: unknown): GeeError {
  const code =
    typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  const why = code === "ECONNREFUSED" ? "connection refused" : code || "it cannot be reached";
  return new GeeError("UNAVAILABLE", `cannot connect to ${where}: ${why}`, {
    reason: "CONNECT_FAILED",
    executed: "no",
    cause,
  });
}

/**
 * A dial over Bun's sockets.
 *
 * The promise rejects with GeeError UNAVAILABLE, reason CONNECT_FAILED, executed no, when the
 * connection is refused or not there in time, and with the signal's reason when that aborts first.
 * A socket that opens after either is closed without a byte having been sent.
 */
export function createDial(clock: Clock): Dial {
  return (endpoint, options, attach) => {
    const unix = endpoint.kind === "unix";
    const where = unix ? endpoint.path : formatEndpoint(endpoint).slice(4);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { signal } = options;
    let waiting = true;
    const settle = (finish: () => void): void => {
      if (!waiting) return;
      waiting = false;
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
      finish();
    };
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const timer = clock.after(options.timeoutMs, () =>
      settle(() => reject(cannotConnect(where, { code: `no answer in ${options.timeoutMs} ms` }))),
    );
    if (signal?.aborted) {
      onAbort();
      return promise;
    }
    signal?.addEventListener("abort", onAbort, { once: true });

    const link = new SocketLink(where, undefined, unix || isLoopbackHost(endpoint.host), clock);
    const socket = {
      ...SocketLink.handlers,
      open(opened: Bun.Socket<SocketData>): void {
        if (!waiting) {
          opened.terminate();
          return;
        }
        link.open(opened, attach(link));
        settle(resolve);
      },
      connectError(_socket: Bun.Socket<SocketData>, error: Error): void {
        settle(() => reject(cannotConnect(where, error)));
      },
    };
    const connecting = unix
      ? Bun.connect<SocketData>({ unix: endpoint.path, data: link, socket })
      : Bun.connect<SocketData>({
          hostname: endpoint.host,
          port: endpoint.port,
          data: link,
          socket,
        });
    connecting.catch((error: unknown) => settle(() => reject(cannotConnect(where, error))));
    return promise;
  };
}
