import { expect, test } from "bun:test";
import { compareServices } from "../../src/contract/compare.ts";
import type { ServiceContract } from "../../src/contract/contract.ts";
import { declarations } from "../../src/contract/declarations.ts";
import { methodHash } from "../../src/contract/hash.ts";
import { extractInterfaces } from "../../src/source/extract.ts";
import { memoryHost } from "../support/source-host.ts";
import { readModule } from "../support/source-modules.ts";

// What is read of a service, printed for its callers and read again, has to be the same service.

const source = `
  import type { Fault } from "gee";
  export type FooFaults = Fault<"NOT_FOUND", "GONE", { id: string }> | Fault<"ABORTED", "LATE">;
  /** A user. */
  interface User { /** Who. */ id: string; name?: string; role: Role; friend: User | null; tags: readonly string[] }
  type Role = "admin" | "user" | 3 | true;
  enum Level { Low = 1, High = 2, Named = "named" }
  type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
  interface Box<T> { value: T; next?: Box<T> }
  type Branded = string & { readonly brand: unique symbol };
  class Point { x = 1; y = 2; #z = 3; length() { return 1 } }
  namespace Other { export interface User { other: true } }
  class Date { own = 1 }
  export class Foo {
    primitives(a: string, b: number, c: boolean, d: bigint, e: null, f: undefined, g: object): void {}
    literals(a: "x" | "it's \\n", b: 1 | -2.5, c: true, d: 12n, e: \`id-\${number}\`, f: Uppercase<string>) { return a }
    unions(a: string | null, b: Role | undefined, c: Level, d: Level.Low | "x", e: boolean | 1) { return a }
    lists(a: string[], b: readonly (number | null)[], c: [string, number?, ...boolean[]], d: [a: 1, b: 2], e: []) { return c }
    dates(a: globalThis.Date, b: Uint8Array, c: Float64Array, d: Date) { return [a, b, c, d] as const }
    objects(a: { b: 1; "c-d"?: { e: string } }, b: Record<string, User>, c: Partial<User>, d: { [key: string]: number; one: 1 }) { return b }
    named(a: User, b: Other.User, c: Json, d: Box<number>, e: Branded, f: Point, g: Level) { return { a, b, c, d, e, f, g } }
    optional(a?: string, b = 2, { c }: { c?: 1 } = {}, ...more: User[]) { return more }
    over(a: string): string;
    over(a: number, b?: User): Promise<Role>;
    over(a: any): any { return a }
    generic<T extends User, U>(a: T, b: U): T { return a }
    not(a: any, b: unknown, c: Map<string, number>, d: () => void, e: {}, f: symbol) { return c }
    async promised(): Promise<User | null> { return null }
    async *stream(of: AsyncIterable<User>): AsyncGenerator<Role> {}
    *sync() { yield 1 }
    async iterated(): Promise<AsyncIterable<Json>> { throw 1 }
    /**
     * Old.
     * @param a what
     * @deprecated since
     */
    old(a: number) {}
    self() { return this }
    never(): never { throw 1 }
  }`;

function reread(service: ServiceContract): ServiceContract {
  const text = declarations([service], { heading: ["// by a test"] });
  const read = extractInterfaces("/t/foo.d.ts", memoryHost({ "/t/foo.d.ts": text }));
  const [found] = read.services;
  if (found === undefined) throw new Error(`no service in:\n${text}`);
  return found;
}

const [service] = readModule(source).services;
if (service === undefined) throw new Error("no service");
const again = reread(service);

test.each(service.methods.map(({ name }) => name))(
  "%s is the same after it was printed",
  (name) => {
    const [before, now] = [service, again].map((one) => one.methods.find((m) => m.name === name));
    if (before === undefined || now === undefined) throw new Error("it is gone");
    expect(now.doc).toBe(before.doc);
    expect(now.deprecated).toBe(before.deprecated);
    expect(methodHash(again, now)).toBe(methodHash(service, before));
  },
);

test("so is the whole service", () => {
  expect(compareServices(service, again)).toEqual([]);
  expect(compareServices(again, service)).toEqual([]);
  expect(again.faults).toEqual([...(service.faults ?? [])]);
});
