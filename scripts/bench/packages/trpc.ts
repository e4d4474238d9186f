// tRPC over a WebSocket: the adapter for ws, which Bun has, and its own client.

import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { WebSocketServer } from "ws";
import type { PeerProgram } from "../peer.ts";
import { sums } from "./sums.ts";

interface Terms {
  readonly a: number;
  readonly b: number;
}

function termsOf(value: unknown): Terms {
  if (typeof value !== "object" || value === null || !("a" in value) || !("b" in value)) {
    throw new Error("no terms");
  }
  const { a, b } = value;
  if (typeof a !== "number" || typeof b !== "number") throw new Error("no numbers");
  return { a, b };
}

const t = initTRPC.create();
const router = t.router({
  sum: t.procedure.input(termsOf).query(({ input }) => input.a + input.b),
});

export const program: PeerProgram = sums(
  () => {
    const wss = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    applyWSSHandler({ wss, router });
    return new Promise((resolve, reject) => {
      wss.once("error", reject);
      wss.once("listening", () => {
        const address = wss.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  },
  (port) => {
    const client = createWSClient({ url: `ws://127.0.0.1:${port}` });
    const api = createTRPCClient<typeof router>({ links: [wsLink({ client })] });
    return Promise.resolve((a, b) => api.sum.query({ a, b }));
  },
);
