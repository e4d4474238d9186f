// What is measured, on whom, and what is to be reached.

import type { Work } from "./work.ts";

/** Who is measured beside gee. */
export type PeerName = "gee" | "tcp" | "websocket" | "http" | "go";

/** What people call them. */
export const peerTitles: Readonly<Record<PeerName, string>> = {
  gee: "gee",
  tcp: "raw Bun TCP",
  websocket: "Bun WebSocket + JSON",
  http: "Bun HTTP + JSON",
  go: "Go net/rpc",
};

/** What a side's figure is, in the JSON document too. */
export type Figure = "callsPerSecond" | "meanUs" | "kibPerConnection";

/** Which figures are better when they are larger. */
export const isMoreBetter: Readonly<Record<Figure, boolean>> = {
  callsPerSecond: true,
  meanUs: false,
  kibPerConnection: false,
};

/** A bound that is to be reached: of the ratio gee / peer, or of gee's own figure. */
export interface Floor {
  readonly against: PeerName;
  readonly bound: number;
}

/** One line of the benchmark. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly figure: Figure;
  readonly work: Work | "idle";
  readonly size: number;
  readonly connections: number;
  readonly inFlight: number;
  /** Both processes on one CPU. */
  readonly pinned: boolean;
  readonly peers: readonly PeerName[];
  readonly floors: readonly Floor[];
}

const everybody = ["tcp", "websocket", "http", "go"] as const;

function row(name: string, title: string, own: Pick<Row, "work" | "inFlight"> & Partial<Row>): Row {
  return {
    name,
    title,
    figure: "callsPerSecond",
    size: 0,
    connections: 1,
    pinned: false,
    peers: everybody,
    floors: [],
    ...own,
  };
}

function floor(against: PeerName, bound: number): Floor {
  return { against, bound };
}

/** Opened by the row `idle`, as far as the limit on open files allows. */
export const idleConnections = 10_000;

export const rows: readonly Row[] = [
  row("sum-1", "Sum(1, 2), 1 in flight", { work: "sum", inFlight: 1 }),
  row("sum-64", "Sum(1, 2), 64 in flight", {
    work: "sum",
    inFlight: 64,
    floors: [floor("websocket", 2.5), floor("go", 5)],
  }),
  row("sum-512", "Sum(1, 2), 512 in flight", {
    work: "sum",
    inFlight: 512,
    floors: [floor("websocket", 6), floor("go", 8)],
  }),
  row("object-1", "200-byte object, 1 in flight", {
    work: "object",
    inFlight: 1,
    floors: [floor("websocket", 1)],
  }),
  row("object-64", "200-byte object, 64 in flight", {
    work: "object",
    inFlight: 64,
    floors: [floor("websocket", 1)],
  }),
  row("object-512", "200-byte object, 512 in flight", {
    work: "object",
    inFlight: 512,
    floors: [floor("websocket", 1)],
  }),
  row("connections-64", "Sum(1, 2), 64 connections x 1 in flight", {
    work: "sum",
    connections: 64,
    inFlight: 64,
    peers: ["tcp", "websocket", "go"],
    floors: [floor("go", 1)],
  }),
  row("bytes-64k", "64 KiB echoed, 16 in flight", { work: "bytes", size: 65_536, inFlight: 16 }),
  row("bytes-1m", "1 MiB echoed, 16 in flight", { work: "bytes", size: 1_048_576, inFlight: 16 }),
  row("latency", "Sum(1, 2), 1 in flight, one CPU", {
    work: "sum",
    figure: "meanUs",
    inFlight: 1,
    pinned: true,
    peers: ["tcp", "websocket", "go"],
    floors: [floor("tcp", 1.25)],
  }),
  row("object-latency", "200-byte object, 1 in flight, one CPU", {
    work: "object",
    figure: "meanUs",
    inFlight: 1,
    pinned: true,
    peers: ["tcp", "websocket", "go"],
  }),
  row("idle", `${idleConnections.toLocaleString("en")} idle connections`, {
    work: "idle",
    figure: "kibPerConnection",
    connections: idleConnections,
    inFlight: 0,
    peers: ["tcp"],
    floors: [floor("gee", 3)],
  }),
];
