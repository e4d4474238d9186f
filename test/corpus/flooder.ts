// Attacks a server from a process of its own, in one way, for so long. Its one argument is JSON; it
// says `flooding` when it has begun and one line of JSON at its end.

import { parseEndpoint } from "../../src/base/address.ts";
import { frameOf, fromHex, rawFrame } from "../support/scripted-peer.ts";

// When the test is gone, so is this.
process.stdin.once("end", () => process.exit(1)).resume();

const given: unknown = JSON.parse(process.argv[2] ?? "{}");

function fieldOf(name: string): string {
  const value: unknown =
    typeof given === "object" && given !== null ? Reflect.get(given, name) : "";
  return String(value);
}

const kind = fieldOf("kind");
const forMs = Number(fieldOf("forMs"));
const connections = Number(fieldOf("connections"));
const endpoint = parseEndpoint(fieldOf("address"));
if (endpoint.kind !== "tcp") throw new Error("floods go over TCP");
const { host: hostname, port } = endpoint;

function callFrame(id: number, method: string, args: readonly unknown[]): Buffer {
  return frameOf({
    kind: "call",
    id,
    method,
    timeoutMs: 5_000,
    args,
    flags: 0,
    attempt: 0,
    metadata: undefined,
    idempotencyKey: undefined,
    streamArgument: undefined,
    idleMs: undefined,
  });
}

const hello = frameOf({
  kind: "callerHello",
  id: 0,
  hello: { version: 1, features: [], maxMessageBytes: 4_194_304, instance: undefined },
});
const ping = frameOf({ kind: "ping", id: 0, token: 7 });

/** So many frames, each with an id of its own. */
function frames(count: number, firstId: number, frame: (id: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => frame(firstId + index)));
}

const claim = fromHex("01 192710 81 9a05f5e100");
const bignum = Buffer.concat([fromHex("01192710 81 c25a00020000"), Buffer.alloc(131_072, 0xff)]);
const dripped = rawFrame(1, 1, 3, Buffer.alloc(500, 0x60));

/** A way to attack. */
interface Flood {
  /** What a connection sends next; it has used the ids below this one. */
  readonly next: (firstId: number) => Buffer;
  /** How many ids that takes. */
  readonly ids: number;
  /** How often, on every connection. */
  readonly everyMs: number;
}

const floods: Readonly<Record<string, Flood>> = {
  T3: { next: (id) => frames(20, id, (own) => rawFrame(1, own, 3, claim)), ids: 20, everyMs: 20 },
  T5: { next: (id) => rawFrame(1, id, 3, bignum), ids: 1, everyMs: 100 },
  T27: {
    next: (id) => frames(1_000, id, (own) => callFrame(own, "Work.Big", [1_048_576])),
    ids: 1_000,
    everyMs: 500,
  },
  T28: {
    next: (id) => frames(2_048, id, (own) => callFrame(own, "Work.Wait", [])),
    ids: 2_048,
    everyMs: 50,
  },
  T30: { next: (id) => frames(1_000, id, () => ping), ids: 1, everyMs: 20 },
  // One byte of a frame, whichever is next.
  drip: { next: (id) => dripped.subarray(id - 1, id), ids: 1, everyMs: 100 },
  // The same before a hello.
  greeting: { next: (id) => hello.subarray(id - 1, id), ids: 1, everyMs: 100 },
};
const flood = floods[kind] ?? { next: () => ping, ids: 1, everyMs: 100 };
const isDrip = kind === "drip" || kind === "greeting";

interface Attacker {
  openedAt: number;
  left: Buffer;
  nextId: number;
}

let opened = 0;
let over = false;
/** How long each connection lived that the server ended. */
const livedMs: number[] = [];
const alive = new Set<Bun.Socket<Attacker>>();

function write(socket: Bun.Socket<Attacker>): void {
  const taken = Math.max(0, socket.write(socket.data.left));
  socket.data.left = socket.data.left.subarray(taken);
}

function attack(socket: Bun.Socket<Attacker>): void {
  const { data } = socket;
  // What was not taken comes first.
  if (data.left.length > 0) return;
  data.left = flood.next(data.nextId);
  data.nextId += flood.ids;
  write(socket);
}

function open(): void {
  const left = kind === "greeting" ? Buffer.alloc(0) : hello;
  const data: Attacker = { openedAt: 0, left, nextId: 1 };
  void Bun.connect<Attacker>({
    hostname,
    port,
    data,
    socket: {
      open(socket) {
        opened++;
        alive.add(socket);
        socket.data.openedAt = performance.now();
        write(socket);
        attack(socket);
        // A slow reader reads nothing at all.
        if (kind === "T27") socket.pause();
      },
      data() {},
      drain: write,
      end(socket) {
        socket.end();
      },
      close(socket) {
        alive.delete(socket);
        livedMs.push(performance.now() - socket.data.openedAt);
        // Whoever is shown out comes again, a little later, as long as the flood lasts.
        if (!over && !isDrip) setTimeout(open, 50);
      },
    },
  }).catch(() => {});
}

for (let index = 0; index < connections; index++) {
  open();
  if (index % 100 === 99) await Bun.sleep(5);
}
console.log("flooding");
const endsAt = performance.now() + forMs;
while (performance.now() < endsAt) {
  await Bun.sleep(flood.everyMs);
  for (const socket of alive) attack(socket);
}
over = true;
const survivors = alive.size;
for (const socket of alive) socket.terminate();
console.log(JSON.stringify({ opened, survivors, livedMs }));
process.exit(0);
