import { foo, network } from "./routed-network.ts";
import type { RoutedNetwork } from "./routed-network.ts";
import { acts } from "./scripted-site.ts";
import type { Act } from "./scripted-site.ts";

/** What makes a call one that is sent twice when it takes long. */
export const hedged = { idempotent: true, hedge: true };

/** So long do all calls take at first; the delay of a second attempt is that, up to 9 % more. */
export const usualMs = 50;
/** When a second attempt is under way at the latest. */
export const mostDelayMs: number = usualMs * 1.1;

/** Members 1 to 3, whose method has answered often enough, each time after 50 ms. */
export async function practised(calls = 30): Promise<RoutedNetwork> {
  const net: RoutedNetwork = network(
    {},
    [1, 2, 3].map((port) => foo(port)),
  );
  const slow: Act = (call) => void net.clock.after(usualMs, () => call.result());
  for (const port of [1, 2, 3]) net.world.sites[port] = acts(slow);
  for (let each = 0; each < calls; each++) {
    const call = net.call("Foo.Do", hedged);
    await net.clock.advance(usualMs);
    await call;
  }
  net.world.heard.length = 0;
  return net;
}

/** From now on the next call is answered so, the one behind it so, and so on, wherever they go. */
export function script(net: RoutedNetwork, ...list: readonly Act[]): void {
  const site = acts(...list);
  for (const port of [1, 2, 3]) net.world.sites[port] = site;
}
