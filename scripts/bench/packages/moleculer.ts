// Moleculer over its TCP transporter. Both nodes are told where the other is, so the client's port has to
// be known to the server before: it is the next one.

import { ServiceBroker } from "moleculer";
import type { PeerProgram } from "../peer.ts";
import { sums } from "./sums.ts";

function broker(nodeID: string, own: number, server: number): ServiceBroker {
  const urls = `tcp://127.0.0.1:${server}/server,tcp://127.0.0.1:${server + 1}/client`;
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: { type: "TCP", options: { udpDiscovery: false, port: own, urls } },
  });
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

/** The first of two ports that nobody has now. */
function freePorts(): number {
  for (;;) {
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { port } = listener;
    listener.stop(true);
    if (port < 65_535 && isFree(port + 1)) return port;
  }
}

export const program: PeerProgram = sums(
  async () => {
    const port = freePorts();
    const server = broker("server", port, port);
    server.createService({
      name: "foo",
      actions: { sum: ({ params }: { params: { a: number; b: number } }) => params.a + params.b },
    });
    await server.start();
    return port;
  },
  async (port) => {
    const client = broker("client", port + 1, port);
    await client.start();
    await client.waitForServices("foo", 20_000);
    return (a, b) => client.call("foo.sum", { a, b });
  },
);
