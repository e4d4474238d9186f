import { existsSync, watch, type FSWatcher } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock, Timer } from "../base/time.ts";

/** An editor writes a file in several steps. */
const settleMs = 50;

/**
 * Says when files may have changed, come or gone. Folders are watched and not files: an editor that
 * saves puts another file in the old one's place.
 */
export class FileWatch implements Disposable {
  readonly #clock: Clock;
  readonly #changed: (firstAt: number) => void;
  #watchers: readonly FSWatcher[] = [];
  #paths: readonly string[] = [];
  #timer: Timer | undefined;
  #firstAt = 0;

  /** `changed` is told 50 ms after the last sign of a change, with the moment of the first one. */
  constructor(clock: Clock, changed: (firstAt: number) => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /**
   * Watches these paths, and no others any more. A path that is not there, or that has no extension yet,
   * is watched for as well.
   */
  use(paths: Iterable<string>): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#paths = [...paths];
    const folders = new Set(this.#paths.map((path) => existingFolder(dirname(path))));
    // Each time anew: a folder that was removed and made again is another one.
    this.#watchers = [...folders].flatMap((folder) => this.#open(folder) ?? []);
  }

  #open(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, (_event, name) => this.#heard(folder, name));
      // It has gone meanwhile, which was heard of.
      watcher.on("error", () => {});
      return watcher;
    } catch {
      return undefined;
    }
  }

  #heard(folder: string, name: string | null): void {
    const path = name === null ? folder : join(folder, name);
    const isOurs = (own: string): boolean =>
      own === path || own.startsWith(`${path}/`) || path.startsWith(`${own}.`);
    if (name !== null && existsSync(folder) && !this.#paths.some(isOurs)) return;
    if (this.#timer === undefined) this.#firstAt = this.#clock.now();
    else this.#timer.cancel();
    this.#timer = this.#clock.after(settleMs, () => {
      this.#timer = undefined;
      this.#changed(this.#firstAt);
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    this.#paths = [];
  }
}

/** The folder itself, or the nearest one above it that is there. */
function existingFolder(folder: string): string {
  return existsSync(folder) || folder === dirname(folder)
    ? folder
    : existingFolder(dirname(folder));
}
