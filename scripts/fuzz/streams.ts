import { Deadlines } from "../../src/base/deadlines.ts";
import { limits } from "../../src/base/limits.ts";
import { createLog } from "../../src/base/log.ts";
import { sleep } from "../../src/base/time.ts";
import type { Clock } from "../../src/base/time.ts";
import { Connection } from "../../src/rpc/connection.ts";
import { Session } from "../../src/rpc/session.ts";
import type { SessionHost } from "../../src/rpc/session.ts";
import type { Channel } from "../../src/wire/channel.ts";
import { kinds } from "../../src/wire/frame.ts";
import { featureNames } from "../../src/wire/hello.ts";
import { callFlags } from "../../src/wire/message.ts";
import { FakeClock, turn } from "../../test/support/clock.ts";
import { callOf, hostOf } from "../../test/support/ends.ts";
import { linkPair } from "../../test/support/links.ts";
import type { LinkPair, MemoryLinkOptions } from "../../test/support/links.ts";
import { ScriptedPeer } from "../../test/support/scripted-peer.ts";
import { RandomValues, seededRandom } from "../../test/wire/random-values.ts";
import { callerFrames, cutAnywhere, mutatedFrames, serverFrames } from "./mutate.ts";
import type { Finding } from "./values.ts";
import { callIn, wholeFrames } from "./whole.ts";

/** Longer than any wait of ours: hellos, frames, handlers, deadlines and idle streams are over then. */
const allOverMs = 150_000;
/** How long a stream may be idle so that it ends before that. */
const maxIdleMs = 60_000;

const plainPrototypes: ReadonlySet<unknown> = new Set([
  Object.prototype,
  Array.prototype,
  Date.prototype,
  Uint8Array.prototype,
  Uint8ClampedArray.prototype,
  Uint16Array.prototype,
  Uint32Array.prototype,
  BigUint64Array.prototype,
  Int8Array.prototype,
  Int16Array.prototype,
  Int32Array.prototype,
  BigInt64Array.prototype,
  Float32Array.prototype,
  Float64Array.prototype,
]);

/** Whether bytes are all of their buffer, or large and most of it: then they are not copied. */
function holdsLittle(view: ArrayBufferView): boolean {
  const { byteLength, buffer } = view;
  return (
    byteLength === buffer.byteLength || (byteLength >= 4_096 && 2 * byteLength >= buffer.byteLength)
  );
}

/** Whether a value is one that may reach a handler: data of known classes and of its own. */
export function isPlain(value: unknown, depth = 33): boolean {
  if (typeof value === "function" || typeof value === "symbol") return false;
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0 || !plainPrototypes.has(Object.getPrototypeOf(value))) return false;
  if (ArrayBuffer.isView(value)) return holdsLittle(value);
  if (value instanceof Date) return true;
  const properties = Object.entries(Object.getOwnPropertyDescriptors(value));
  return properties.every(
    ([key, property]) =>
      key !== "__proto__" && property.get === undefined && isPlain(property.value, depth - 1),
  );
}

/** What was fed to one end, and how. */
interface Stream {
  readonly victim: "server" | "caller";
  readonly greeted: boolean;
  /** Whether both sides know all features, or none. */
  readonly agreed: boolean;
  /** Calls that a caller has in flight. */
  readonly calls: number;
  readonly frames: readonly Buffer[];
  readonly link: MemoryLinkOptions;
  /** Seeds the cuts. */
  readonly cutSeed: number;
}

function randomStream(random: RandomValues): Stream {
  const victim = random.below(2) === 0 ? "server" : "caller";
  const calls = random.below(5);
  const agreed = random.below(2) === 0;
  const sound =
    victim === "server" ? callerFrames(random, agreed) : serverFrames(random, calls, agreed);
  const tight = random.below(4) === 0;
  // Messages that travel in parts are larger.
  const room = agreed ? 4_000 : 64;
  return {
    victim,
    greeted: random.below(12) > 0,
    agreed,
    calls,
    frames: mutatedFrames(sound, random),
    link: {
      delivery: "by hand",
      ...(tight
        ? { roomBytes: room + random.below(500), maxTakenBytes: 1 + random.below(room) }
        : {}),
    },
    cutSeed: random.below(2 ** 32),
  };
}

/** One end under attack, from its first byte to the verdict. */
interface Attack {
  /** Gives it all bytes. */
  feed(): Promise<void>;
  /** What is wrong, once all time is over; undefined when nothing is. */
  verdict(): string | undefined;
}

/** So many items, each a while behind the one before. */
async function* slowItems(clock: Clock, count: number): AsyncGenerator<unknown> {
  for (let item = 0; item < count; item++) {
    yield { item, bytes: new Uint8Array(100 * item) };
    await sleep(clock, 50);
  }
}

/** Takes all that comes. */
async function iterate(
  items: AsyncIterable<unknown>,
  look: (item: unknown) => void,
): Promise<number> {
  let count = 0;
  for await (const item of items) {
    look(item);
    count++;
  }
  return count;
}

function isItems(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** What the ends of one batch share. */
interface Ground {
  readonly clock: FakeClock;
  readonly host: SessionHost;
  readonly deadlines: Deadlines;
  /** What handlers were given that they must not be given. */
  readonly strange: string[];
}

function createGround(): Ground {
  const clock = new FakeClock();
  const strange: string[] = [];
  const look = (args: readonly unknown[]): void => {
    if (args.every((arg) => isItems(arg) || isPlain(arg))) return;
    strange.push(Bun.inspect(args).slice(0, 200));
  };
  class Probe {
    Echo(...args: readonly unknown[]): unknown {
      look(args);
      return args[0];
    }
    async Wait(...args: readonly unknown[]): Promise<unknown> {
      look(args);
      await sleep(clock, 100);
      return args;
    }
    Fail(...args: readonly unknown[]): never {
      look(args);
      throw new Error("it failed");
    }
    async Hang(...args: readonly unknown[]): Promise<void> {
      look(args);
      await sleep(clock, 20_000);
    }
    Large(...args: readonly unknown[]): Uint8Array {
      look(args);
      return new Uint8Array(200_000);
    }
    Count(...args: readonly unknown[]): AsyncGenerator<unknown> {
      look(args);
      return slowItems(clock, 20);
    }
    async Take(...args: readonly unknown[]): Promise<number> {
      look(args);
      const [items] = args;
      return isItems(items) ? iterate(items, (item) => look([item])) : -1;
    }
  }
  const log = createLog(() => {});
  return {
    clock,
    host: hostOf({ Probe: new Probe() }, { clock, log }),
    deadlines: new Deadlines(clock),
    strange,
  };
}

/** Moves everything between the ends, reports of drained links included. */
async function settle(pair: LinkPair): Promise<void> {
  pair.deliver();
  await turn();
  pair.deliver();
}

/** Of the calls that a server opens when it reads these bytes: whether each must have an answer. */
function openedIds(bytes: Buffer, agreed: boolean): ReadonlyMap<number, boolean> {
  const opened = new Map<number, boolean>();
  let last = 0;
  for (const { kind, id, content } of wholeFrames(bytes)) {
    if (kind !== kinds.call && (kind !== kinds.part || !agreed)) continue;
    if (kind === kinds.call && id > last && content !== undefined) opened.set(id, true);
    if (kind === kinds.part && id > last) opened.set(id, false);
    last = Math.max(last, id);
    const call = callIn(content);
    if (kind !== kinds.call || !opened.has(id)) continue;
    const isOneWay = agreed && call !== undefined && (call.flags & callFlags.oneWay) !== 0;
    opened.set(id, !isOneWay && (call?.idleMs ?? 0) <= maxIdleMs);
  }
  return opened;
}

function answersOf(peer: ScriptedPeer): Map<number, number> {
  const answers = new Map<number, number>();
  for (const { kind, id } of wholeFrames(peer.received)) {
    const isAnswer = kind === kinds.result || kind === kinds.end;
    if (isAnswer || (kind === kinds.fault && id !== 0)) answers.set(id, (answers.get(id) ?? 0) + 1);
  }
  return answers;
}

function isOver(bytes: number): boolean {
  return limits.frameBaseMs + (1_000 * bytes) / limits.frameBytesPerSecond < allOverMs;
}

/**
 * Whether half a frame, or half a message, waits that should have been whole by the end. A large
 * one has more time.
 */
function isOverdue({ incoming }: Channel): boolean {
  const { incompleteFrame, incompleteBytes, unfinishedMessage, unfinishedBytes } = incoming;
  return (
    (incompleteFrame !== undefined && isOver(incompleteBytes)) ||
    (unfinishedMessage !== undefined && isOver(unfinishedBytes))
  );
}

function createServerAttack(stream: Stream, { host }: Ground): Attack {
  const pair = linkPair(stream.link);
  const session = new Session(pair.server, host);
  pair.server.open(session.channel);
  const peer = new ScriptedPeer(pair.caller, "caller");
  const bytes = Buffer.concat(stream.frames);
  return {
    async feed() {
      if (stream.greeted) peer.hello({ features: stream.agreed ? featureNames : [] });
      pair.deliver();
      for (const piece of cutAnywhere(bytes, new RandomValues(seededRandom(stream.cutSeed)))) {
        peer.send(piece);
        pair.deliver();
      }
      await settle(pair);
    },
    verdict() {
      pair.deliver();
      const closed = peer.closedWhy !== undefined;
      const [answers, opened] = [answersOf(peer), openedIds(bytes, stream.agreed)];
      for (const [id, count] of answers) {
        if (count > 1) return `call ${id} was answered ${count} times`;
        if (!opened.has(id)) return `call ${id} was answered and never opened`;
      }
      if (!closed && session.isClosed) return "the session is closed and the link is not";
      if (!closed) {
        if (!stream.greeted) return "it waits for a hello for ever";
        const unanswered = [...opened].filter(([id, wanted]) => wanted && !answers.has(id));
        if (unanswered.length > 0)
          return `calls ${unanswered.map(([id]) => id).join()} were never answered`;
        if (isOverdue(session.channel)) return "half a frame is left";
      }
      const mayHang = [...opened.values()].some((wanted) => !wanted);
      if (session.inFlight > 0 && !mayHang) return `${session.inFlight} calls are left in flight`;
      pair.caller.close();
      pair.deliver();
      return session.isClosed ? undefined : "the session is left";
    },
  };
}

function createCallerAttack(stream: Stream, { clock, deadlines }: Ground): Attack {
  const pair = linkPair(stream.link);
  const { maxMessageBytes } = limits;
  const options = { clock, deadlines, maxMessageBytes, instance: undefined };
  const connection = new Connection(pair.caller, options);
  pair.caller.open(connection.channel);
  const peer = new ScriptedPeer(pair.server, "server");
  const bytes = Buffer.concat(stream.frames);
  const settled = new Map<number, number>();
  let strange: string | undefined;
  let ready = false;
  connection.ready.then(
    () => (ready = true),
    () => {},
  );
  return {
    async feed() {
      connection.channel.flush();
      pair.deliver();
      if (stream.greeted) {
        peer.hello({ features: stream.agreed ? featureNames : [] });
        pair.deliver();
        for (let index = 0; index < stream.calls; index++) {
          const hasStream = stream.agreed && index % 3 === 2;
          const call = callOf("Probe.Echo", [index], clock, deadlines, {
            timeoutMs: 5_000,
            idleMs: 4_000,
            ...(hasStream ? { stream: { index: 0, items: slowItems(clock, 5) } } : {}),
          });
          const count = (): void => void settled.set(index, (settled.get(index) ?? 0) + 1);
          const look = (value: unknown): void => {
            if (!isPlain(value)) strange = `a caller was given ${Bun.inspect(value)}`;
          };
          const isIterated = stream.agreed && index % 2 === 1;
          if (isIterated) void iterate(call.call, look).then(count, count);
          else call.promise.then(look).then(count, count);
          connection.start(call);
        }
        connection.channel.flush();
        pair.deliver();
      }
      for (const piece of cutAnywhere(bytes, new RandomValues(seededRandom(stream.cutSeed)))) {
        peer.send(piece);
        pair.deliver();
      }
      await settle(pair);
    },
    verdict() {
      pair.deliver();
      if (strange !== undefined) return strange;
      const calls = stream.greeted ? stream.calls : 0;
      if (settled.size !== calls) return `${calls - settled.size} calls were never settled`;
      if ([...settled.values()].some((count) => count !== 1)) return "a call was settled twice";
      if (connection.inFlight > 0) return `${connection.inFlight} calls are left in flight`;
      const closed = peer.closedWhy !== undefined;
      if (stream.greeted !== ready) return stream.greeted ? "it never got ready" : "it got ready";
      if (!closed && !stream.greeted) return "it waits for a hello for ever";
      if (!closed && isOverdue(connection.channel)) return "half a frame is left";
      if (closed && connection.usable) return "the link is closed and the connection is not";
      pair.server.close();
      pair.deliver();
      return connection.usable ? "the connection is left" : undefined;
    },
  };
}

/** What is wrong with each of some streams, fed side by side in the same time. */
async function faultsOf(streams: readonly Stream[]): Promise<(string | undefined)[]> {
  const ground = createGround();
  const escaped: string[] = [];
  const onEscaped = (error: unknown): void => void escaped.push(String(error));
  process.on("unhandledRejection", onEscaped);
  process.on("uncaughtException", onEscaped);
  try {
    const attacks = streams.map((stream) => {
      const create = stream.victim === "server" ? createServerAttack : createCallerAttack;
      return { attack: create(stream, ground), thrown: "" };
    });
    const guarded = async (state: (typeof attacks)[number]): Promise<void> => {
      try {
        await state.attack.feed();
      } catch (error) {
        state.thrown = `an exception escaped: ${Bun.inspect(error)}`;
      }
    };
    await Promise.all(attacks.map(guarded));
    // In two steps: what is told at the end of the first may wait on the second.
    for (let step = 0; step < 2; step++) await ground.clock.advance(allOverMs / 2);
    const faults = attacks.map(({ attack, thrown }) => {
      if (thrown !== "") return thrown;
      try {
        return attack.verdict();
      } catch (error) {
        return `an exception escaped: ${Bun.inspect(error)}`;
      }
    });
    await turn();
    const common = [
      ...ground.strange.map((args) => `a handler was given ${args}`),
      ...escaped.map((error) => `an exception escaped: ${error}`),
      ...(ground.host.running === 0 ? [] : [`${ground.host.running} handlers are left`]),
      ...("isAdmin" in {} ? ["Object.prototype was changed"] : []),
    ];
    if (common.length > 0 && !faults.some((fault) => fault !== undefined)) {
      faults[0] = common.join("; ");
    }
    return faults;
  } finally {
    process.off("unhandledRejection", onEscaped);
    process.off("uncaughtException", onEscaped);
  }
}

/** Leaves out frames, and then the ends of frames, as long as something is wrong. */
async function smallest(stream: Stream): Promise<Stream> {
  const isWrong = async (frames: readonly Buffer[]): Promise<boolean> =>
    (await faultsOf([{ ...stream, frames }]))[0] !== undefined;
  let frames = stream.frames;
  for (let index = frames.length - 1; index >= 0; index--) {
    const fewer = frames.filter((_, at) => at !== index);
    if (await isWrong(fewer)) frames = fewer;
  }
  for (const [index, frame] of frames.entries()) {
    for (let size = frame.length >> 1; size >= 1; size >>= 1) {
      const shorter = frames.with(index, frames[index]?.subarray(0, -size) ?? frame);
      if (await isWrong(shorter)) frames = shorter;
    }
  }
  return { ...stream, frames };
}

function describe({ victim, greeted, agreed, calls, link, cutSeed }: Stream): string {
  return `at a ${victim}, ${greeted ? "behind" : "instead of"} a hello${agreed ? " with all features" : ""}, ${calls} calls in flight, link ${JSON.stringify(link)}, cuts ${cutSeed}`;
}

/** Streams that are fed side by side; one moves the clock for all. */
const batchSize = 64;

/** Feeds `count` random streams of mutated messages to real sessions and connections. */
export async function fuzzStreams(seed: number, count: number, most = 10): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (let index = 0; index < count && findings.length < most; index += batchSize) {
    const size = Math.min(batchSize, count - index);
    const streams = Array.from({ length: size }, (_, at) =>
      // Each has a seed of its own, so that one can be had again alone.
      randomStream(
        new RandomValues(seededRandom((seed ^ Math.imul(index + at, 0x9e3779b1)) >>> 0)),
      ),
    );
    const faults = await faultsOf(streams);
    for (const [at, fault] of faults.entries()) {
      const stream = streams[at];
      if (fault === undefined || stream === undefined) continue;
      const [alone] = await faultsOf([stream]);
      const least = alone === undefined ? stream : await smallest(stream);
      findings.push({
        what: `${alone ?? `${fault} (only beside others)`}, ${describe(stream)}`,
        hex: least.frames.map((frame) => frame.toString("hex")).join(" "),
        seed,
        index: index + at,
      });
    }
  }
  return findings;
}
