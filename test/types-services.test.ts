import { expect, test } from "bun:test";
import { connect } from "gee";
import type { Call, CallContext, Gee, MakeStub, NestedCaller, OneWay, Remote, Services } from "gee";
import { holds, type Equal } from "./support/types.ts";

// Checked by the compiler (`bun check`), not when it runs. The names are of no other test: what is
// declared here holds in the whole program.

declare class Cart {
  Price(item: string): number;
  Items(): AsyncGenerator<string>;
  private total(): number;
}

/** As `gee types` writes it: results are promised, and streams iterated. */
interface Till {
  Pay(amount: number, note?: string): Promise<bigint>;
  Receipts(since: Date): AsyncIterable<{ readonly amount: number }>;
}

declare module "gee" {
  interface Services {
    TypedCart: Cart;
    TypedTill: Till;
  }
}

function byName(gee: Gee, context: CallContext): void {
  const cart = gee.service("TypedCart");
  holds<Equal<typeof cart, Remote<Cart>>>();
  holds<Equal<typeof cart.Price, (item: string) => Promise<number>>>();
  holds<Equal<keyof typeof cart, "Price" | "Items">>();
  const till = gee.service("TypedTill", { timeoutMs: 200 });
  holds<Equal<typeof till, Remote<Till>>>();
  holds<Equal<typeof till.Pay, (amount: number, note?: string) => Promise<bigint>>>();
  void gee.service("TypedCart", { oneWay: false }).Price("tea");
  // @ts-expect-error an argument of another type
  void cart.Price(1);
  // @ts-expect-error no such method
  void cart.Prize("tea");
  // @ts-expect-error private
  void cart.total();
  // @ts-expect-error no such option
  gee.service("TypedCart", { timeout: 200 });

  const once = gee.service("TypedCart", { oneWay: true });
  holds<Equal<typeof once, OneWay<Cart>>>();
  holds<Equal<typeof once.Price, (item: string) => Promise<void>>>();

  // The same for what handlers call.
  holds<Equal<CallContext["service"], Gee["service"]>>();
  const nested = context.service("TypedTill");
  holds<Equal<typeof nested, Remote<Till>>>();
}

function byType(gee: Gee, name: string): void {
  // Whoever names a type gets it, whatever the name stands for elsewhere.
  const cart = gee.service<Cart>("Other");
  holds<Equal<typeof cart, Remote<Cart>>>();
  const till = gee.service<Till>("TypedCart");
  holds<Equal<typeof till, Remote<Till>>>();
  const once = gee.service<Cart>("Other", { oneWay: true });
  holds<Equal<typeof once, OneWay<Cart>>>();
  const named = gee.service<Cart>(name);
  holds<Equal<typeof named, Remote<Cart>>>();
}

function byNothing(gee: Gee, name: string): void {
  // What nobody has declared has no methods: a name that is not right is seen at the first call.
  const unknown = gee.service("TypedCard");
  holds<Equal<typeof unknown, Remote<unknown>>>();
  holds<Equal<keyof typeof unknown, never>>();
  // @ts-expect-error no method is known
  void unknown.Price("tea");
  const anything = gee.service(name);
  holds<Equal<typeof anything, Remote<unknown>>>();
}

function madeFor(gee: Gee, call: (method: string) => Call): void {
  // Declared in one place, known in all of the program.
  holds<Equal<Gee["service"], MakeStub<Services>>>();
  const services: keyof Services = "TypedCart";
  void services;
  // A client makes the calls of handlers, and so does anything that calls.
  gee satisfies NestedCaller;
  ({ call }) satisfies NestedCaller;
}

test("a service that is declared is typed by its name alone", async () => {
  for (const never of [byName, byType, byNothing, madeFor]) expect(never).toBeFunction();
  await using gee = connect({ address: "tcp@127.0.0.1:1" });
  // At run time a name is a name.
  expect(gee.service("TypedCart").Price).toBeFunction();
});
