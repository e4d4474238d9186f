import type { GeeError } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import type { Turns } from "../base/turns.ts";
import type { Channel } from "../wire/channel.ts";
import { faultOf } from "../wire/fault.ts";
import type { CallMessage, FaultMessage } from "../wire/message.ts";
import { Answering } from "./answering.ts";
import type { AnsweringHost } from "./answering-host.ts";
import { Arrivals } from "./arrivals.ts";
import { protocolError, tooManyInFlight } from "./refusals.ts";
import type { StartClock } from "./start-clock.ts";

/** What it needs of its server. */
interface IntakeHost {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly starts: StartClock;
  readonly maxInFlight: number;
}

/**
 * The calls of one connection from their first byte to the start of their handlers: which ids are
 * open, which calls have come in part and which wait for the end of the read, or for room.
 */
export class Intake {
  readonly #channel: Channel;
  readonly answering: Answering;
  readonly #maxInFlight: number;
  readonly #arrivals: Arrivals;
  readonly #starts: StartClock;
  /** The highest id that was opened. */
  lastId = 0;
  /** Calls in parts that are not whole, and when the first part of each came. */
  #assembling: Map<number, number> | undefined;
  /** Made once: whoever sends too much must not be able to make us build an error for each. */
  #turnedAway: FaultMessage | undefined;

  constructor(channel: Channel, answering: Answering, host: IntakeHost) {
    this.#channel = channel;
    this.answering = answering;
    this.#maxInFlight = host.maxInFlight;
    this.#starts = host.starts;
    this.#arrivals = new Arrivals(channel, host.clock, host.turns);
  }

  /** With what answers them, which tells the owner of each that ends. */
  static of(
    channel: Channel,
    host: IntakeHost & AnsweringHost,
    owner: { ended(): void },
    agreed: number,
  ): Intake {
    const answering = new Answering(channel, host, owner);
    answering.agreed = agreed;
    return new Intake(channel, answering, host);
  }

  /** Calls that were opened and not yet answered. */
  get inFlight(): number {
    return this.answering.inFlight + this.#arrivals.size + (this.#assembling?.size ?? 0);
  }

  /** Whether an id was open and is not: whatever comes for it was sent before that was known. */
  isEnded(id: number): boolean {
    return (
      id !== 0 &&
      id <= this.lastId &&
      !this.answering.has(id) &&
      !this.#arrivals.has(id) &&
      this.#assembling?.has(id) !== true
    );
  }

  /** Whether an id opens a call: ids rise. */
  #opens(id: number): boolean {
    if (id > this.lastId) {
      this.lastId = id;
      return true;
    }
    this.#channel.refuse(protocolError(`call id ${id} behind ${this.lastId}`));
    return false;
  }

  /** A call is whole. */
  arrive(call: CallMessage): void {
    const begunAt = this.#assembling?.get(call.id);
    if (begunAt !== undefined) this.#assembling?.delete(call.id);
    else if (!this.#opens(call.id)) return;
    if (call.streamArgument !== undefined) this.answering.expectItems(call);
    this.#arrivals.add(call, begunAt);
  }

  /** A call has come whose body cannot be read. */
  unreadable(id: number, why: GeeError): void {
    if (this.#assembling?.delete(id) === true || this.#opens(id)) this.answering.fault(id, why);
  }

  /** Whether there is no room for a call whose frame has come, and it has been told so. */
  turnsAway(id: number): boolean {
    if (this.inFlight < this.#maxInFlight) return false;
    this.#turnedAway ??= faultOf(0, tooManyInFlight(this.#maxInFlight), undefined);
    if (this.#opens(id)) this.#channel.send({ ...this.#turnedAway, id });
    return true;
  }

  /** Whether a part is wanted. A call is open from its first part on. */
  takesPart(id: number, first: boolean): boolean {
    if (id <= this.lastId) {
      if (this.isEnded(id)) return false;
      if (this.#assembling?.has(id) === true) return true;
      if (this.answering.streamsOf(id)?.isDue === true) return true;
      this.#channel.refuse(protocolError(`a part of call ${id}, of which nothing is due`));
      return false;
    }
    if (!first) {
      this.#channel.refuse(protocolError(`a later part of call ${id}, which is not open`));
      return false;
    }
    if (this.turnsAway(id)) return false;
    this.lastId = id;
    this.#assembling ??= new Map();
    this.#assembling.set(id, this.#arrivals.now());
    return true;
  }

  /** Ends a call of which its caller wants no more; false when there was never one of that id. */
  cancel(id: number, why: GeeError): boolean {
    if (id > this.lastId) return false;
    this.#channel.dropUnfinished(id);
    if (this.#assembling?.delete(id) === true || this.#arrivals.cancel(id)) {
      this.answering.fault(id, why.withExecuted("no"));
    } else if (!this.answering.giveUp(id, why) && this.#channel.dropUnsent(id)) {
      // It was answered, and the answer is on its way in parts: this one takes its place.
      this.answering.fault(id, why.withExecuted("yes"));
    }
    return true;
  }

  /** The read has been parsed. */
  readEnd(): void {
    this.#arrivals.readEnd();
  }

  /** Starts what waits, as far as there is room for the answers. */
  start(): void {
    this.#starts.begin();
    this.#arrivals.start((call, at) => this.answering.start(call, at));
  }

  /** The link is not read from now on. */
  paused(): void {
    this.#arrivals.paused();
  }

  /** Answers all that was not started. */
  refuseAll(why: GeeError): void {
    const waiting = this.#arrivals.takeAll().map(({ id }) => id);
    for (const id of [...waiting, ...(this.#assembling?.keys() ?? [])]) {
      this.answering.fault(id, why);
    }
    this.#assembling = undefined;
  }

  /** The connection is gone. */
  clear(): void {
    this.#arrivals.takeAll();
    this.#assembling = undefined;
  }
}
