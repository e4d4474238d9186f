import type { ItemSource } from "./item-source.ts";
import { windowLimits } from "./window.ts";

/**
 * What is sent in one turn of the loop at the most; the item that passes it is the last. Every turn
 * costs a write here and a read there, so large items should be several a turn.
 */
const burstBytes = 524_288;
/**
 * The same as a number of items: encoding a small item costs more than its bytes, and whoever else
 * uses this process waits for all of them.
 */
const burstItems = 512;

/** What {@link OutgoingItems} ask of the connection that they leave by. */
export interface Outlet {
  /**
   * Puts one item in line and returns the bytes of its frame. It is written with `flush`: a write
   * planned as a microtask would come between this item and the next, and each had one of its own.
   *
   * @throws GeeError what cannot travel; nothing is sent then
   */
  sendItem(value: unknown): number;
  /** Sends the end, behind all items. */
  sendEnd(): void;
  /** Sends, behind all items, that the stream ends with an error: the source's or `sendItem`'s. */
  sendFailure(error: unknown): void;
  /** Writes the items in line. Also called when there are none any more, or the stream is over. */
  flush(): void;
  /** Whether what is written leaves; else `whenRoom` runs the task when it does. */
  readonly hasRoom: boolean;
  whenRoom(task: () => void): void;
  /** Takes such a task back. */
  forgetRoom(task: () => void): void;
  /** Runs the task when the loop has looked after everybody else; see `Clock`. */
  nextPhase(task: () => void): void;
  /** Runs whatever runs the source's code, and returns what that returns: to set a call context. */
  step<T>(run: () => T): T;
  /** The source has ended, or was closed, and none of its code will run again. Called once. */
  finished(): void;
}

/**
 * The sending end of a stream: pulls a source while there is credit and sends what it yields. A
 * source is asked for an item only when the item may be sent, so nothing waits here.
 *
 * All items of one turn of the loop are written together at the end of it. A source that is never
 * out of items is made to wait for that; one that waits for something itself is not.
 */
export class OutgoingItems {
  readonly #source: ItemSource;
  readonly #outlet: Outlet;
  /** What may be sent; below 0 when the last item took more than there was. */
  #credit: number;
  #started = false;
  /** The pump is at work, or it waits for the source or for the loop; false: it waits for credit. */
  #pumping = false;
  /** No item is sent any more. */
  #over = false;
  /** `#onPhase` will run. */
  #phasePlanned = false;
  /** The pump goes on in `#onPhase`. */
  #givesWay = false;
  /** Sent in this turn of the loop. */
  #burstBytes = 0;
  #burstItems = 0;

  /** `creditBytes` is what may be sent before the first credit. */
  constructor(
    source: ItemSource,
    outlet: Outlet,
    creditBytes: number = windowLimits.initialWindowBytes,
  ) {
    this.#source = source;
    this.#outlet = outlet;
    this.#credit = creditBytes;
  }

  /** Begins to pull. The source's code runs in a microtask at the earliest. */
  start(): void {
    this.#started = true;
    this.#wake();
  }

  /** So many bytes more may be sent. False when that is more than anybody may hold. */
  grant(bytes: number): boolean {
    if (bytes > windowLimits.maxCreditBytes - this.#credit) return false;
    this.#credit += bytes;
    this.#wake();
    return true;
  }

  /** Nobody wants more items: sends nothing further and closes the source. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#outlet.forgetRoom(this.#onRoom);
    this.#close();
  }

  /** Whether no item is sent any more. */
  get isOver(): boolean {
    return this.#over;
  }

  /**
   * Sends nothing further, and leaves the source as it is to another attempt of the call. `finished`
   * is not called.
   */
  detach(): void {
    this.#over = true;
    this.#outlet.forgetRoom(this.#onRoom);
  }

  #wake(): void {
    if (!this.#started || this.#pumping || this.#credit <= 0) return;
    this.#pumping = true;
    void this.#pump();
  }

  /** Does not reject. */
  async #pump(): Promise<void> {
    // Who grants credit is in the middle of a read, where no code of a person's may run.
    await undefined;
    while (this.#credit > 0 && !this.#over) {
      // What cannot leave stays where it is: others have frames in the same line, and a thousand
      // streams that each put a little in it would fill it.
      if (!this.#outlet.hasRoom) {
        this.#outlet.whenRoom(this.#onRoom);
        return;
      }
      if (this.#burstBytes >= burstBytes || this.#burstItems >= burstItems) {
        this.#givesWay = true;
        return;
      }
      let value: unknown;
      try {
        const pulled = this.#outlet.step(this.#pull);
        const result = pulled instanceof Promise ? await pulled : pulled;
        // Stopped while the source was at work: what that brought is nobody's.
        if (this.#over) return;
        if (result.done === true) {
          this.#end();
          return;
        }
        value = result.value;
      } catch (error) {
        this.#fail(error);
        return;
      }
      if (!this.#send(value)) return;
    }
    this.#pumping = false;
  }

  readonly #pull = (): ReturnType<ItemSource["next"]> => this.#source.next();

  #send(value: unknown): boolean {
    let bytes: number;
    try {
      bytes = this.#outlet.sendItem(value);
    } catch (error) {
      if (this.#over) return false;
      this.#over = true;
      this.#outlet.sendFailure(error);
      this.#close();
      return false;
    }
    this.#credit -= bytes;
    this.#burstBytes += bytes;
    this.#burstItems++;
    if (!this.#phasePlanned) {
      this.#phasePlanned = true;
      this.#outlet.nextPhase(this.#onPhase);
    }
    return true;
  }

  readonly #onPhase = (): void => {
    this.#phasePlanned = false;
    this.#burstBytes = 0;
    this.#burstItems = 0;
    this.#outlet.flush();
    if (!this.#givesWay) return;
    this.#givesWay = false;
    void this.#pump();
  };

  readonly #onRoom = (): void => void this.#pump();

  #end(): void {
    this.#over = true;
    this.#source.ranOut();
    this.#outlet.sendEnd();
    this.#outlet.finished();
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#source.ranOut();
    this.#outlet.sendFailure(error);
    this.#outlet.finished();
  }

  #close(): void {
    void this.#outlet.step(this.#closeSource).then(this.#onClosed);
  }

  readonly #closeSource = (): Promise<void> => this.#source.close();

  readonly #onClosed = (): void => this.#outlet.finished();
}
