import type { Member } from "../discovery/member.ts";
import type { Resolver } from "../discovery/resolver.ts";

/**
 * The members in sight: the list of now, then each new one. Who is slow misses those in between and
 * gets the latest. Ends when `closing` aborts.
 */
export async function* watchMembers(
  resolver: Resolver,
  closing: AbortSignal,
): AsyncGenerator<readonly Member[], void> {
  let news = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<undefined>();
  const onClose = (): void => {
    closed.resolve(undefined);
    news.resolve();
  };
  closing.addEventListener("abort", onClose, { once: true });
  let stop = (): void => {};
  try {
    let latest = closing.aborted
      ? undefined
      : await Promise.race([resolver.members(), closed.promise]);
    if (latest === undefined) return;
    stop = resolver.watch((list) => {
      latest = list;
      news.resolve();
    });
    while (!closing.aborted) {
      const list: readonly Member[] | undefined = latest;
      latest = undefined;
      if (list !== undefined) yield list;
      else await news.promise;
      news = Promise.withResolvers();
    }
  } finally {
    stop();
    closing.removeEventListener("abort", onClose);
  }
}
