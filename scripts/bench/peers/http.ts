// Bun.serve and fetch with JSON. HTTP/1.1 cannot have two calls in flight on one connection: fetch
// opens as many as there are calls, and BUN_CONFIG_MAX_HTTP_REQUESTS has to allow them.

import { CallLoad } from "../load.ts";
import type { Caller } from "../load.ts";
import type { PeerProgram } from "../peer.ts";
import type { Order } from "../work.ts";

const headers = { "content-type": "application/json" };

/** What JSON gave, to be checked field by field by whoever called. */
function isOrder(value: unknown): value is Order {
  return typeof value === "object" && value !== null;
}

function callerOf(port: number): Caller {
  const post = async (path: string, body: string | Uint8Array<ArrayBuffer>): Promise<Response> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      ...(typeof body === "string" ? { headers } : {}),
      body,
    });
    if (!response.ok) throw new Error(`wrong result: HTTP ${response.status}`);
    return response;
  };
  return {
    async sum(a, b) {
      const sum = await (await post("/sum", JSON.stringify([a, b]))).json();
      return typeof sum === "number" ? sum : Number.NaN;
    },
    async order(order) {
      const echoed = await (await post("/order", JSON.stringify(order))).json();
      if (!isOrder(echoed)) throw new Error("wrong result: no order");
      return echoed;
    },
    async bytes(bytes) {
      return await (await post("/bytes", bytes)).bytes();
    },
  };
}

export const program: PeerProgram = {
  serve() {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      maxRequestBodySize: 16_777_216,
      routes: {
        "/sum": {
          async POST(request) {
            const terms = await request.json();
            if (!Array.isArray(terms)) return new Response("no terms", { status: 400 });
            return Response.json(terms[0] + terms[1]);
          },
        },
        "/order": {
          async POST(request) {
            return Response.json(await request.json());
          },
        },
        "/bytes": {
          async POST(request) {
            return new Response(await request.arrayBuffer());
          },
        },
      },
    });
    return Promise.resolve({ port: server.port ?? 0, connections: () => server.pendingRequests });
  },
  open: (setup) => Promise.resolve(new CallLoad([callerOf(setup.port)], setup)),
  openFlow: () => Promise.reject(new Error("not measured")),
  hello: () => Promise.reject(new Error("not measured")),
};
