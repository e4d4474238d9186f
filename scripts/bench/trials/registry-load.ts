// Instances as a registry sees them: they register, and beat every third of their lease. What
// `src/discovery/beat-loop.ts` does, without a process for each.

import { fail, Samples } from "../load.ts";
import { quantile } from "../statistics.ts";
import type { HttpLine } from "./http-line.ts";

/** Where a registry is asked. */
export const registryPath = "/_geerpc_/registry";

/** After a failure the next beat comes earlier, never later. */
const backoffMs = 500;

/** The id of an instance. */
export function idOf(index: number): string {
  return index.toString(16).padStart(32, "0");
}

/** Sends JSON; the answer's fields. @throws Error for any status but 200, and 404: undefined */
export async function post(line: HttpLine, path: string, body: unknown): Promise<unknown> {
  const answer = await line.ask(path, JSON.stringify(body));
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw new Error(`wrong result: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body);
}

/** Registers an instance; returns its secret. */
export async function register(line: HttpLine, index: number, leaseMs: number): Promise<string> {
  const address = `tcp@10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:4000`;
  const instance = {
    id: idOf(index),
    address,
    revision: 1,
    services: ["Orders", "Users"],
    leaseMs,
  };
  const granted = await post(line, registryPath, { instance });
  if (typeof granted === "object" && granted !== null && "secret" in granted) {
    if (typeof granted.secret === "string") return granted.secret;
  }
  throw new Error(`wrong result: ${JSON.stringify(granted)} for a registration`);
}

/** One beat; false when the registry does not know the instance. */
export async function beat(line: HttpLine, index: number, secret: string): Promise<boolean> {
  const body = { id: idOf(index), secret, revision: 1, load: 0.25, lagMs: 1 };
  return (await post(line, registryPath, body)) !== undefined;
}

/** Does something for each number below `count`, so many at a time. */
export async function forEach(
  count: number,
  atOnce: number,
  run: (index: number, worker: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (_: unknown, worker: number): Promise<void> => {
    while (next < count) await run(next++, worker);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** What beats were like over some time. */
export interface BeatsResult {
  readonly beats: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How late the instances themselves ran at most, which shows in the time of beats as well. */
  readonly lateMs: number;
}

const lookMs = 10;

/** Waits, and tells how late this process ran meanwhile at most, in ms. */
export async function waitLooking(ms: number): Promise<number> {
  let lateMs = 0;
  const startedAt = performance.now();
  for (let at = startedAt; at - startedAt < ms;) {
    await Bun.sleep(lookMs);
    const now = performance.now();
    lateMs = Math.max(lateMs, now - at - lookMs);
    at = now;
  }
  return lateMs;
}

/** Instances that beat, each on its own connection, until they are stopped. */
export class Fleet {
  readonly #samples: Samples = new Samples();
  #beats = 0;
  /** Registrations, of instances that the registry did not know or that had none yet. */
  anew = 0;
  readonly #secrets: (string | undefined)[];
  readonly #leaseMs: number;
  readonly #firstIndex: number;
  #lines: readonly HttpLine[] = [];
  #stopping = false;
  #running: Promise<unknown> = Promise.resolve();

  /** `secrets` are those of the instances from `firstIndex` on; without one an instance registers. */
  constructor(secrets: readonly (string | undefined)[], leaseMs: number, firstIndex = 0) {
    this.#secrets = [...secrets];
    this.#leaseMs = leaseMs;
    this.#firstIndex = firstIndex;
  }

  /** Begins to beat, at moments spread over a whole period. */
  start(lines: readonly HttpLine[]): void {
    this.#lines = lines;
    this.#running = Promise.all(lines.map((line, index) => this.#loop(line, index)));
    this.#running.catch(fail);
  }

  /** Ends, which takes up to a period, and closes the connections. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    for (const line of this.#lines) line.close();
  }

  /** What the beats of so many seconds are. @throws Error when the registry forgot an instance */
  async measure(seconds: number): Promise<BeatsResult> {
    const { anew } = this;
    const before = this.#beats;
    const startedAt = performance.now();
    this.#samples.listening = true;
    const lateMs = await waitLooking(1_000 * seconds);
    this.#samples.listening = false;
    const beats = this.#beats - before;
    const perSecond = (1_000 * beats) / (performance.now() - startedAt);
    const sorted = this.#samples.take();
    const forgotten = this.anew - anew;
    if (forgotten > 0) throw new Error(`wrong result: ${forgotten} instances were forgotten`);
    const ms = (share: number): number => quantile(sorted, share) / 1_000;
    return { beats, perSecond, p50Ms: ms(0.5), p99Ms: ms(0.99), lateMs };
  }

  /** Waits until all of them have registered, since it was made or since they were forgotten. */
  async allAnew(): Promise<void> {
    const wanted = this.#secrets.length * (Math.floor(this.anew / this.#secrets.length) + 1);
    while (this.anew < wanted) await Bun.sleep(5);
  }

  async #loop(line: HttpLine, index: number): Promise<void> {
    const periodMs = this.#leaseMs / 3;
    await Bun.sleep(Math.random() * periodMs);
    while (!this.#stopping) {
      let waitMs = periodMs * (0.9 + Math.random() / 5);
      try {
        if (!line.isOpen) await line.open();
        await this.#beat(line, index);
      } catch (error) {
        // A registry that restarts; anything that it says is another matter.
        if (error instanceof Error && error.message.startsWith("wrong result")) throw error;
        waitMs = backoffMs * (0.5 + Math.random() / 2);
      }
      await Bun.sleep(waitMs);
    }
  }

  async #beat(line: HttpLine, index: number): Promise<void> {
    const secret = this.#secrets[index];
    const startedAt = performance.now();
    const id = this.#firstIndex + index;
    if (secret !== undefined && (await beat(line, id, secret))) {
      this.#samples.add(performance.now() - startedAt);
      this.#beats++;
      return;
    }
    this.#secrets[index] = undefined;
    this.#secrets[index] = await register(line, id, this.#leaseMs);
    this.anew++;
  }
}
