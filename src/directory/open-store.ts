import { GeeError } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import type { Directory, DirectoryOptions } from "./directory.ts";
import { EtcdDirectory } from "./etcd-directory.ts";
import { parseEtcdUrl } from "./etcd-url.ts";
import { LocalDirectory } from "./local-directory.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { MemoryStore } from "./store.ts";

/** Longer than anybody is waited for. */
const ever = 2 ** 31 - 1;

/** Nothing listens yet, and what waits between tries keeps no process alive: this does. */
async function kept<T>(clock: Clock, work: Promise<T>): Promise<T> {
  const timer = clock.after(ever, () => {});
  try {
    return await work;
  } finally {
    timer.cancel();
  }
}

/**
 * Opens the directory that a person names: `memory`; `sqlite:FILE`, which survives a restart; or
 * `etcd://HOST:PORT,...`, which several registries share. What is out of reach now is no error: the
 * directory is in trouble and tries on.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_STORE, for a name that nobody knows
 */
export async function openDirectory(name: string, options: DirectoryOptions): Promise<Directory> {
  const scheme = /^[^:]*/.exec(name)?.[0];
  const rest = name.slice(`${scheme}:`.length);
  switch (scheme) {
    case "memory":
      if (name === scheme) return LocalDirectory.open({ ...options, store: new MemoryStore() });
      break;
    case "sqlite":
      if (rest === "") break;
      return LocalDirectory.open({
        ...options,
        store: new SqliteStore({ ...options, file: rest }),
      });
    case "etcd":
      if (!rest.startsWith("//")) break;
      return kept(options.clock, EtcdDirectory.open({ ...options, members: parseEtcdUrl(name) }));
  }
  throw new GeeError("INVALID_ARGUMENT", `there is no store ${JSON.stringify(name)}`, {
    reason: "BAD_STORE",
    executed: "no",
    hint: "write memory, sqlite:FILE or etcd://HOST:PORT",
  });
}
