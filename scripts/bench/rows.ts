// What is measured, on whom, and what is to be reached.

import type { Work } from "./work.ts";

/** Who is measured beside gee. */
export type PeerName =
  | "gee"
  | "tcp"
  | "websocket"
  | "http"
  | "go"
  | "grpc"
  | "capnweb"
  | "trpc"
  | "moleculer"
  | "before";

/** Those that come in packages, which are installed when they are to be measured. */
export const packaged: readonly PeerName[] = ["grpc", "capnweb", "trpc", "moleculer"];

/** What people call them. */
export const peerTitles: Readonly<Record<PeerName, string>> = {
  gee: "gee",
  tcp: "raw Bun TCP",
  websocket: "Bun WebSocket + JSON",
  http: "Bun HTTP + JSON",
  go: "Go net/rpc",
  grpc: "grpc-js on Bun",
  capnweb: "Cap'n Web",
  trpc: "tRPC",
  moleculer: "Moleculer",
  before: "gee, the commit",
};

/** What a side's figure is, in the JSON document too. */
export type Figure =
  | "callsPerSecond"
  | "itemsPerSecond"
  | "mbPerSecond"
  | "meanUs"
  | "cpuUsPerCall"
  | "kibPerConnection";

/** Which figures are better when they are larger. */
export const isMoreBetter: Readonly<Record<Figure, boolean>> = {
  callsPerSecond: true,
  itemsPerSecond: true,
  mbPerSecond: true,
  meanUs: false,
  cpuUsPerCall: false,
  kibPerConnection: false,
};

/** A bound that is to be reached: of the ratio gee / peer, or of gee's own figure. */
export interface Floor {
  readonly against: PeerName;
  readonly bound: number;
  /** What is better still. */
  readonly aim?: number | undefined;
  /** What also does: gee's own figure, however fast the peer is. */
  readonly orOwn?: number | undefined;
}

/** One line of the benchmark. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly figure: Figure;
  readonly work: Work | "idle";
  /** Of one message or item, in bytes. */
  readonly size: number;
  /** What one run sends, as items of a single stream; 0 where calls are made for some time. */
  readonly items: number;
  readonly connections: number;
  readonly inFlight: number;
  /** Both processes on one CPU, or each on its own; undefined leaves it to the kernel. */
  readonly pinned: "together" | "apart" | undefined;
  readonly peers: readonly PeerName[];
  readonly floors: readonly Floor[];
}

const everybody = ["tcp", "websocket", "http", "go"] as const;

function row(name: string, title: string, own: Pick<Row, "work"> & Partial<Row>): Row {
  return {
    name,
    title,
    figure: "callsPerSecond",
    size: 0,
    items: 0,
    inFlight: 1,
    connections: 1,
    pinned: undefined,
    peers: everybody,
    floors: [],
    ...own,
  };
}

/** A row of the guard: CPU time of a call, beside that of another commit. */
export function guardRow(own: Partial<Row> & Pick<Row, "name" | "title" | "work">): Row {
  return row(own.name, own.title, { ...own, figure: "cpuUsPerCall", peers: ["before"] });
}

function floor(against: PeerName, bound: number, aim?: number): Floor {
  return { against, bound, aim };
}

/** A million items, small enough that their number decides. */
function items(name: string, title: string, work: "download" | "upload"): Row {
  return row(name, title, {
    work,
    figure: "itemsPerSecond",
    size: 64,
    items: 1_000_000,
    pinned: "apart",
    peers: ["tcp"],
    floors: [{ against: "tcp", bound: 0.5, orOwn: 1_000_000 }],
  });
}

/**
 * A gibibyte, in items that are so large that their bytes decide. Left to itself the kernel
 * puts both ends of a bare stream on one CPU, where they share a cache, and those of a busier one on
 * two; so each end has its own.
 */
function gibibyte(name: string, title: string, work: "download" | "upload", size: number): Row {
  return row(name, title, {
    work,
    figure: "mbPerSecond",
    size,
    items: 1_073_741_824 / size,
    pinned: "apart",
    peers: ["tcp"],
    floors: [floor("tcp", 0.8)],
  });
}

/** Opened by the row `idle`, as far as the limit on open files allows. */
export const idleConnections = 10_000;

/** Every row there is. */
export const rows: readonly Row[] = [
  row("sum-1", "Sum(1, 2), 1 in flight", {
    work: "sum",
    inFlight: 1,
    peers: [...everybody, "grpc"],
  }),
  row("sum-64", "Sum(1, 2), 64 in flight", {
    work: "sum",
    inFlight: 64,
    peers: [...everybody, ...packaged],
    floors: [floor("websocket", 2.5), floor("go", 5.5, 8)],
  }),
  row("sum-512", "Sum(1, 2), 512 in flight", {
    work: "sum",
    inFlight: 512,
    peers: [...everybody, ...packaged],
    floors: [floor("websocket", 7, 12), floor("go", 12, 20), floor("grpc", 60, 120)],
  }),
  row("object-1", "200-byte object, 1 in flight", {
    work: "object",
    inFlight: 1,
    floors: [floor("websocket", 1)],
  }),
  row("object-64", "200-byte object, 64 in flight", {
    work: "object",
    inFlight: 64,
    floors: [floor("websocket", 1.5, 3)],
  }),
  row("object-512", "200-byte object, 512 in flight", {
    work: "object",
    inFlight: 512,
    floors: [floor("websocket", 1.5, 3)],
  }),
  row("connections-64", "Sum(1, 2), 64 connections x 1 in flight", {
    work: "sum",
    connections: 64,
    inFlight: 64,
    peers: ["tcp", "websocket", "go"],
    floors: [floor("go", 1.2, 1.6)],
  }),
  row("bytes-64k", "64 KiB echoed, 16 in flight, own CPUs", {
    work: "bytes",
    size: 65_536,
    inFlight: 16,
    pinned: "apart",
    floors: [floor("tcp", 0.8, 0.95)],
  }),
  row("bytes-1m", "1 MiB echoed, 16 in flight", {
    work: "bytes",
    size: 1_048_576,
    inFlight: 16,
    floors: [floor("http", 0.8, 1.1)],
  }),
  items("items-down", "64-byte items down one stream, own CPUs", "download"),
  items("items-up", "64-byte items up one stream, own CPUs", "upload"),
  gibibyte("gib-down-64k", "1 GiB down, items of 64 KiB, own CPUs", "download", 65_536),
  gibibyte("gib-down-1m", "1 GiB down, items of 1 MiB, own CPUs", "download", 1_048_576),
  gibibyte("gib-up-64k", "1 GiB up, items of 64 KiB, own CPUs", "upload", 65_536),
  gibibyte("gib-up-1m", "1 GiB up, items of 1 MiB, own CPUs", "upload", 1_048_576),
  row("latency", "Sum(1, 2), 1 in flight, one CPU", {
    work: "sum",
    figure: "meanUs",
    inFlight: 1,
    pinned: "together",
    peers: ["tcp", "websocket", "go"],
    floors: [floor("tcp", 1.2, 1.06)],
  }),
  row("object-latency", "200-byte object, 1 in flight, one CPU", {
    work: "object",
    figure: "meanUs",
    inFlight: 1,
    pinned: "together",
    peers: ["tcp", "websocket", "go"],
  }),
  row("idle", `${idleConnections.toLocaleString("en")} idle connections`, {
    work: "idle",
    figure: "kibPerConnection",
    connections: idleConnections,
    inFlight: 0,
    peers: ["tcp"],
    floors: [floor("gee", 2, 1.6)],
  }),
];
