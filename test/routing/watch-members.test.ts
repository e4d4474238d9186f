import { expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { GeeError } from "../../src/base/errors.ts";
import type { Member } from "../../src/discovery/member.ts";
import { createFixedResolver, type Resolver } from "../../src/discovery/resolver.ts";
import { watchMembers } from "../../src/routing/watch-members.ts";
import { turn } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { member } from "../support/scripted-registry.ts";

type Listener = (list: readonly Member[]) => void;

/** A resolver that says what the test says. */
class ScriptedResolver implements Resolver {
  readonly listeners: Set<Listener> = new Set();
  readonly first: PromiseWithResolvers<readonly Member[]> = Promise.withResolvers();

  members(): Promise<readonly Member[]> {
    return this.first.promise;
  }

  current(): undefined {}

  async refresh(): Promise<void> {}

  registries(): readonly [] {
    return [];
  }

  watch(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(...names: readonly string[]): void {
    for (const tell of this.listeners) tell(names.map((digit) => member(digit)));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Scene {
  readonly resolver: ScriptedResolver;
  readonly watch: AsyncIterator<readonly Member[], void>;
  close(): void;
}

/** A watch whose first list, of "a", was taken. */
async function begun(): Promise<Scene> {
  const resolver = new ScriptedResolver();
  const closing = new AbortController();
  const watch = watchMembers(resolver, closing.signal);
  resolver.first.resolve([member("a")]);
  expect(await next(watch)).toBe("a");
  return { resolver, watch, close: () => closing.abort() };
}

/** The digits of the next list; undefined at the end. */
async function next(watch: Scene["watch"]): Promise<string | undefined> {
  const { done, value } = await watch.next();
  return done === true ? undefined : (value ?? []).map(({ id }) => id?.[0]).join("");
}

test("the list of now comes first, and then each new one, with nobody in it as well", async () => {
  const { resolver, watch } = await begun();
  for (const digits of ["ab", "b", ""]) {
    const waiting = next(watch);
    await turn();
    resolver.tell(...digits);
    expect(await waiting).toBe(digits);
  }
});

test("there is no list before something happens", async () => {
  const { resolver, watch } = await begun();
  let settled = false;
  const waiting = next(watch).finally(() => (settled = true));
  await turn();
  expect(settled).toBe(false);
  resolver.tell("b");
  await waiting;
});

test("who is slow gets the latest list and none of those before it", async () => {
  const { resolver, watch } = await begun();
  for (const digit of "bcd") resolver.tell(digit);
  expect(await next(watch)).toBe("d");
  const waiting = next(watch);
  await turn();
  // Both are told before the watcher's turn comes.
  resolver.tell("e");
  resolver.tell("f");
  expect(await waiting).toBe("f");
  resolver.tell("g");
  expect(await next(watch)).toBe("g");
});

test("two watchers each hear everything", async () => {
  const resolver = new ScriptedResolver();
  const open = new AbortController().signal;
  const [one, two] = [watchMembers(resolver, open), watchMembers(resolver, open)];
  resolver.first.resolve([member("a")]);
  expect(await Promise.all([next(one), next(two)])).toEqual(["a", "a"]);
  resolver.tell("b");
  expect(await Promise.all([next(one), next(two)])).toEqual(["b", "b"]);
});

test("nobody is listened to before the first list is asked for", async () => {
  const resolver = new ScriptedResolver();
  const watch = watchMembers(resolver, new AbortController().signal);
  await turn();
  expect(resolver.listeners.size).toBe(0);
  const waiting = next(watch);
  resolver.first.resolve([]);
  await waiting;
  expect(resolver.listeners.size).toBe(1);
});

test("leaving the loop ends the watch", async () => {
  const { resolver, watch } = await begun();
  await watch.return?.();
  expect(resolver.listeners.size).toBe(0);
  expect(await next(watch)).toBeUndefined();
});

test("closing ends it, be it waiting or about to be asked", async () => {
  const waiting = await begun();
  const end = next(waiting.watch);
  await turn();
  waiting.close();
  expect(await end).toBeUndefined();
  const idle = await begun();
  idle.resolver.tell("b");
  idle.close();
  await turn();
  expect(await next(idle.watch)).toBeUndefined();
  for (const { resolver } of [waiting, idle]) expect(resolver.listeners.size).toBe(0);
});

test("closing ends it before there was any list", async () => {
  const resolver = new ScriptedResolver();
  const closing = new AbortController();
  const end = next(watchMembers(resolver, closing.signal));
  await turn();
  closing.abort();
  expect(await end).toBeUndefined();
  // What a resolver that closes says to those who wait is nobody's any more.
  resolver.first.reject(new GeeError("UNAVAILABLE", "the client is closed"));
  await turn();
  expect(resolver.listeners.size).toBe(0);
});

test("that nobody has answered yet is told to whoever watches", async () => {
  const resolver = new ScriptedResolver();
  const watch = watchMembers(resolver, new AbortController().signal);
  const failure = failureOf(next(watch));
  resolver.first.reject(new GeeError("UNAVAILABLE", "no registry"));
  expect((await failure).message).toBe("no registry");
  expect(resolver.listeners.size).toBe(0);
});

test("a list that never changes is told once, and then there is the end alone", async () => {
  const closing = new AbortController();
  const watch = watchMembers(createFixedResolver([member("a").address]), closing.signal);
  expect((await watch.next()).value).toMatchObject([{ address: "tcp@host-a:1" }]);
  const end = next(watch);
  closing.abort();
  expect(await end).toBeUndefined();
});

test("a watch that is over leaves no listener at the client's end", async () => {
  const closing = new AbortController();
  const listeners = (): number => getEventListeners(closing.signal, "abort").length;
  const resolver = new ScriptedResolver();
  const left = watchMembers(resolver, closing.signal);
  const waiting = next(left);
  expect(listeners()).toBe(1);
  resolver.first.resolve([member("a")]);
  expect(await waiting).toBe("a");
  await left.return();
  expect(listeners()).toBe(0);
  const refused = new ScriptedResolver();
  const failing = failureOf(next(watchMembers(refused, closing.signal)));
  refused.first.reject(new GeeError("UNAVAILABLE", "no registry"));
  await failing;
  expect(listeners()).toBe(0);
  const closed = next(watchMembers(new ScriptedResolver(), closing.signal));
  closing.abort();
  expect(await closed).toBeUndefined();
  expect(listeners()).toBe(0);
});
