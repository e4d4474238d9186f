import { expect, test } from "bun:test";
import { bufferedBytes } from "../../src/wire/buffered.ts";
import { kinds } from "../../src/wire/frame.ts";
import type { Message } from "../../src/wire/message.ts";
import { maxUncutBytes } from "../../src/wire/parts-out.ts";
import { Receiver } from "../../src/wire/receiver.ts";
import { Sender } from "../../src/wire/sender.ts";
import { RandomValues, runSeed, seededRandom } from "./random-values.ts";
import { Taker } from "./taker.ts";
import type { TakenFrame } from "./taker.ts";

const seed = runSeed();
const maxMessageBytes = 4_194_304;

/** A message that was sent: what stands for it, and what it holds. */
interface Sent {
  readonly serial: number;
  readonly id: number;
  readonly ticket: number;
  readonly size: number;
  readonly isCall: boolean;
}

/** Bytes that are told from those of all others: a serial, and a filling that belongs to it. */
function bytesOf(serial: number, size: number): Uint8Array {
  const bytes = Buffer.alloc(4 + size, serial & 255);
  bytes.writeUInt32BE(serial);
  return bytes;
}

/** The serial of a value that came, when all of it is as it was sent. */
function serialOf(value: unknown): number {
  const bytes = typeof value === "object" && value !== null && "it" in value ? value.it : value;
  if (!(bytes instanceof Uint8Array)) throw new Error("no value of ours");
  const serial = Buffer.from(bytes).readUInt32BE();
  if (!bytesOf(serial, bytes.length - 4).every((byte, index) => byte === bytes[index])) {
    throw new Error(`message ${serial} came with the bytes of another`);
  }
  return serial;
}

/**
 * One sender, a link that takes what it likes when it likes, and a receiver at its other end; all
 * moves are random.
 */
class Round {
  readonly random: RandomValues;
  readonly link: Taker = new Taker();
  readonly side: "caller" | "server";
  readonly sender: Sender;
  readonly receiver: Receiver;
  /** What is to arrive, of each id in its order. */
  readonly #expected: Map<number, Sent[]> = new Map();
  readonly arrived: Map<number, number[]> = new Map();
  readonly #pings: { readonly token: number; readonly at: number }[] = [];
  readonly arrivedPings: number[] = [];
  readonly outcomes: Record<"unsent" | "cut" | "sent", number> = { unsent: 0, cut: 0, sent: 0 };
  readonly #tight: boolean;
  readonly #easy: boolean;
  #ids: number[];
  #serial = 0;
  #lastId = 0;
  #delivered = 0;

  constructor(random: RandomValues) {
    this.random = random;
    this.side = random.below(2) === 0 ? "caller" : "server";
    this.#tight = random.below(2) === 0;
    this.#easy = !this.#tight && random.below(2) === 0;
    this.#ids = this.side === "caller" ? [] : [1, 2, 3, 4, 5];
    const finished = false;
    this.sender = new Sender(this.link, { finished, blocked() {}, flushed() {} });
    this.sender.greeted(maxMessageBytes, true);
    this.receiver = new Receiver(
      { finished },
      {
        message: (message) => this.#take(message),
        badBody: (kind, id, why) => {
          throw new Error(`kind ${kind} of ${id}: ${why}`);
        },
        turnsAway: () => false,
        takesPart: () => true,
      },
      this.side,
      maxMessageBytes,
    );
    this.link.room = random.below(200_000);
  }

  #take(message: Message): void {
    if (message.kind === "ping") this.arrivedPings.push(message.token);
    if (message.kind !== "call" && message.kind !== "item" && message.kind !== "result") return;
    const value = message.kind === "call" ? message.args[0] : message.value;
    const { id } = message;
    const own = this.arrived.get(id) ?? [];
    this.arrived.set(id, own);
    own.push(serialOf(value));
  }

  /** From 1 byte to 1 MiB, as often small as large. */
  #size(): number {
    const large = this.random.below(6) === 0 ? 131_072 : 0;
    return 1 + large + this.random.below(2 ** this.random.below(large > 0 ? 20 : 21));
  }

  send(): void {
    const { random } = this;
    const size = this.#size();
    const serial = ++this.#serial;
    const bytes = bytesOf(serial, size);
    // Bytes by themselves may leave from where they stand, others never do.
    const value = random.below(2) === 0 ? bytes : { it: bytes };
    this.#send(serial, size, value);
    // Whatever has not left by now was copied: they are their owner's again.
    bytes.fill(0xee);
  }

  #send(serial: number, size: number, value: unknown): void {
    const { random } = this;
    const ids = this.#ids;
    if (this.side === "caller" && (ids.length === 0 || random.below(2) === 0)) {
      let id = 0;
      const ticket = this.sender.send(
        {
          kind: "call",
          id: 0,
          method: 1,
          timeoutMs: 1_000,
          args: [value],
          flags: 0,
          attempt: 0,
          metadata: undefined,
          idempotencyKey: undefined,
          streamArgument: undefined,
          idleMs: undefined,
        },
        { giveId: () => (id = ++this.#lastId) },
      );
      this.#ids = [...ids, id].slice(-6);
      this.#expect({ serial, id, ticket, size, isCall: true });
      return;
    }
    const id = ids[random.below(ids.length)] ?? 1;
    const message: Message =
      this.side === "server" && random.below(3) === 0
        ? { kind: "result", id, value, metadata: undefined }
        : { kind: "item", id, value, metadata: undefined, bytes: 0 };
    this.#expect({ serial, id, ticket: this.sender.send(message, undefined), size, isCall: false });
  }

  #expect(sent: Sent): void {
    const own = this.#expected.get(sent.id) ?? [];
    this.#expected.set(sent.id, own);
    own.push(sent);
  }

  ping(): void {
    const token = ++this.#serial;
    this.#pings.push({ token, at: this.link.takenBytes });
    this.sender.send({ kind: "ping", id: 0, token }, undefined);
  }

  credit(): void {
    const id = this.#ids[this.random.below(this.#ids.length)];
    if (id !== undefined) this.sender.send({ kind: "credit", id, bytes: 1 }, undefined);
  }

  /** Takes any message back, and does what the protocol asks for when it was cut. */
  withdraw(): void {
    const any = this.random.below(3) === 0;
    const all = [...this.#expected.values()]
      .flat()
      .filter(({ ticket }) => any || !this.sender.hasLeft(ticket));
    const sent = all[this.random.below(all.length)];
    if (sent === undefined) return;
    const { id, ticket } = sent;
    const own = this.#expected.get(id) ?? [];
    const behind = own
      .slice(own.indexOf(sent))
      .filter((other) => other.ticket < 0 && !this.sender.hasLeft(other.ticket));
    const left = this.sender.hasLeft(ticket);
    const outcome = this.sender.withdraw(ticket);
    this.outcomes[outcome]++;
    if (outcome === "sent") {
      expect(left).toBe(true);
      return;
    }
    expect(left).toBe(false);
    const alone = ticket >= 0 || (outcome === "unsent" && !sent.isCall);
    const gone = new Set(alone ? [sent] : behind);
    this.#expected.set(
      id,
      own.filter((other) => !gone.has(other)),
    );
    if (outcome !== "cut") return;
    if (this.side === "caller") {
      this.sender.send({ kind: "cancel", id, code: "CANCELLED", message: undefined }, undefined);
      this.#ids = this.#ids.filter((other) => other !== id);
      return;
    }
    this.sender.send(
      {
        kind: "fault",
        id,
        code: "CANCELLED",
        message: "",
        executed: "maybe",
        reason: undefined,
        retryAfterMs: undefined,
        details: undefined,
        metadata: undefined,
      },
      undefined,
    );
  }

  flush(): void {
    this.sender.flush();
  }

  drain(): void {
    const most = this.#tight ? 20_000 : 2 ** (1 + this.random.below(21));
    this.link.room = this.#easy ? Number.POSITIVE_INFINITY : this.random.below(most);
    this.sender.drained();
    // A link that takes all for long enough may stop in the midst of a large frame.
    if (this.#easy && this.random.below(4) === 0) this.link.room = this.random.below(1_000_000);
  }

  /** The other end reads some of what was taken. */
  deliver(all = false): void {
    const { takenBytes } = this.link;
    const waiting = takenBytes - this.#delivered;
    const count = all ? waiting : this.random.below(waiting + 1);
    if (count === 0) return;
    const end = this.#delivered + count;
    this.receiver.push(Buffer.from(this.link.taken.subarray(this.#delivered, end)));
    this.#delivered = end;
  }

  finish(): void {
    this.flush();
    this.link.room = Number.POSITIVE_INFINITY;
    this.sender.drained();
    this.deliver(true);
  }

  /** How many large frames left whole. */
  get wholes(): number {
    const isLarge = ({ kind, body }: TakenFrame): boolean =>
      kind !== kinds.part && body.length > maxUncutBytes;
    return this.link.frames.filter(isLarge).length;
  }

  get sentPings(): number[] {
    return this.#pings.map(({ token }) => token);
  }

  /** The serials that each id was to bring, of those that were to bring some. */
  get expected(): Map<number, number[]> {
    const serials = [...this.#expected].map(
      ([id, own]) => [id, own.map(({ serial }) => serial)] as const,
    );
    return new Map(serials.filter(([, own]) => own.length > 0).map(([id, own]) => [id, own]));
  }

  /** Pings before which more than one part left that had not been begun when they were sent. */
  get heldUp(): number[] {
    const { frames } = this.link;
    const pings = frames.filter(({ kind }) => kind === kinds.ping).map(({ at }) => at);
    const starts = frames
      // The first part of a call has its place in line, as what is not cut has.
      .filter(({ kind, fields, body }) => {
        return kind === kinds.part && !(fields === 2 && body[6] === kinds.call);
      })
      .map(({ at }) => at);
    return this.#pings.flatMap(({ token, at }, index) => {
      const end = pings[index] ?? Number.POSITIVE_INFINITY;
      const between = starts.filter((start) => start >= at && start < end).length;
      return between > 1 ? [token] : [];
    });
  }
}

test(`what is sent over a link that takes what it likes arrives, in order, and nothing else (GEE_SEED=${seed})`, () => {
  const outcomes = { unsent: 0, cut: 0, sent: 0 };
  let wholes = 0;
  for (let index = 0; index < 80; index++) {
    const random = new RandomValues(seededRandom((seed ^ Math.imul(index, 0x9e3779b1)) >>> 0));
    const before = bufferedBytes();
    const round = new Round(random);
    const moves: readonly (() => void)[] = [
      () => round.send(),
      () => round.send(),
      () => round.send(),
      () => round.ping(),
      () => round.credit(),
      () => round.flush(),
      () => round.flush(),
      () => round.drain(),
      () => round.drain(),
      () => round.deliver(),
      () => round.withdraw(),
    ];
    for (let count = 100 + random.below(150); count > 0; count--) {
      moves[random.below(moves.length)]?.();
    }
    round.finish();
    const what = `round ${index}, a ${round.side}`;
    expect([what, round.arrived]).toEqual([what, round.expected]);
    expect([what, round.heldUp]).toEqual([what, []]);
    expect([what, round.arrivedPings]).toEqual([what, round.sentPings]);
    expect([what, round.receiver.unfinishedMessage]).toEqual([what, undefined]);
    expect([what, round.sender.unsentBytes, bufferedBytes() - before]).toEqual([what, 0, 0]);
    wholes += round.wholes;
    for (const outcome of ["unsent", "cut", "sent"] as const) {
      outcomes[outcome] += round.outcomes[outcome];
    }
  }
  // Or the test would show nothing of what is taken back, or of what leaves whole.
  for (const count of [...Object.values(outcomes), wholes]) expect(count).toBeGreaterThan(20);
}, 60_000);
