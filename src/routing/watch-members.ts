import type { Member } from "../discovery/member.ts";
import type { Resolver } from "../discovery/resolver.ts";

/**
 * The members in sight: the list of now, then each new one. Who is slow misses those in between and
 * gets the latest. Ends when `closing` resolves.
 */
export async function* watchMembers(
  resolver: Resolver,
  closing: Promise<void>,
): AsyncGenerator<readonly Member[], void> {
  const over = new AbortController();
  let latest = await Promise.race([resolver.members(), closing.then(() => undefined)]);
  if (latest === undefined) return;
  let news = Promise.withResolvers<void>();
  const stop = resolver.watch((list) => {
    latest = list;
    news.resolve();
  });
  void closing.then(() => {
    over.abort();
    news.resolve();
  });
  try {
    while (!over.signal.aborted) {
      const list = latest;
      latest = undefined;
      if (list !== undefined) yield list;
      else await news.promise;
      news = Promise.withResolvers();
    }
  } finally {
    stop();
  }
}
