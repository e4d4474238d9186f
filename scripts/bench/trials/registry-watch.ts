// A thousand watchers, and changes one after the other: how long until all of them know.

import { fail } from "../load.ts";
import { median } from "../statistics.ts";
import type { Trial } from "../trial.ts";
import { openLines } from "./http-line.ts";
import type { HttpLine } from "./http-line.ts";
import { idOf, register, registryPath } from "./registry-load.ts";
import { hear, serveTrialRegistry } from "./registry-server.ts";

/** How many there are. */
export const watchers = 1_000;
/** Listed beside those that come, so that a whole list would be a long one. */
const members = 100;
const leaseMs = 300_000;
const changesPerSecond = 2;
const warmChanges = 4;

/** What some changes gave, in ms from before the change was asked for. */
export interface WatchResult {
  readonly changes: number;
  /** Of the watcher in the middle, and of the last one: medians of the changes. */
  readonly halfMs: number;
  readonly allMs: number;
  /** Of the last one, in the change that took longest. */
  readonly longestMs: number;
}

/** One change that is being told. */
class Change {
  readonly id: string;
  readonly startedAt: number = performance.now();
  readonly #toldMs: number[] = [];
  readonly #all: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(id: string) {
    this.id = id;
  }

  told(): void {
    this.#toldMs.push(performance.now() - this.startedAt);
    if (this.#toldMs.length === watchers) this.#all.resolve();
  }

  /** When the one in the middle and the last one knew. */
  async done(): Promise<readonly [halfMs: number, allMs: number]> {
    await this.#all.promise;
    return [this.#toldMs[watchers / 2] ?? 0, this.#toldMs.at(-1) ?? 0];
  }
}

class Crowd {
  #change: Change = new Change("nothing");
  #nextIndex = 0;

  /** Watches for ever, each time from where the last answer ended. */
  async watch(line: HttpLine): Promise<void> {
    let token = "";
    for (;;) {
      const { status, body } = await line.ask(
        token === "" ? registryPath : `${registryPath}?after=${token}&wait=60s`,
      );
      if (status !== 200) throw new Error(`wrong result: ${status} ${body}`);
      if (token !== "") {
        if (!body.includes(this.#change.id)) throw new Error(`wrong result: ${body}`);
        this.#change.told();
      }
      token = /"token":"([^"]+)"/.exec(body)?.[1] ?? "";
    }
  }

  /** One instance more. */
  async add(line: HttpLine): Promise<void> {
    await register(line, this.#nextIndex++, leaseMs);
  }

  async measure(line: HttpLine, changes: number): Promise<WatchResult> {
    const half: number[] = [];
    const all: number[] = [];
    for (let count = 0; count < changes; count++) {
      // All watch again by then, and no change is told together with the one before.
      await Bun.sleep(1_000 / changesPerSecond);
      this.#change = new Change(idOf(this.#nextIndex));
      await this.add(line);
      const [halfMs, allMs] = await this.#change.done();
      half.push(halfMs);
      all.push(allMs);
    }
    return { changes, halfMs: median(half), allMs: median(all), longestMs: Math.max(...all) };
  }
}

export const trial: Trial = {
  serve: () => serveTrialRegistry(),
  hear,
  async open(port) {
    const crowd = new Crowd();
    const [writer, ...lines] = await openLines(port, watchers + 1);
    if (writer === undefined) throw new Error("no connection");
    for (let count = 0; count < members; count++) await crowd.add(writer);
    for (const line of lines) crowd.watch(line).catch(fail);
    await crowd.measure(writer, warmChanges);
    return (order) => crowd.measure(writer, Math.ceil(changesPerSecond * Number(order)));
  },
};
