import { expect, test } from "bun:test";
import { readModule, serviceIn, shortMethods } from "../support/source-modules.ts";

/** Methods as they are written, and what is read of them. */
const rows: readonly (readonly [method: string, read: string])[] = [
  ["a(a: number, b?: string): void {}", "(a: number, b?: string) => undefined"],
  ["a(this: Foo, a: number) {}", "(a: number) => undefined"],
  [
    "a(a = 1, b: string, c: number[] = [1,\n  2]) {}",
    "(a?: number = 1, b: string, c?: number[] = [1, 2]) => undefined",
  ],
  [
    "a({ x }: O, [y]: [string], { z } = { z: 1 }) {}",
    "(arg0: O, arg1: [string], arg2?: { z: number } = { z: 1 }) => undefined",
  ],
  ["/**\n * @param options how\n */\n a({ x }: O) {}", "(options: O) => undefined"],
  ["a(...more: number[]) {}", "(...more: number) => undefined"],
  [
    "a(...args: [a: string, b?: number, ...c: boolean[]]) {}",
    "(a: string, b?: number, ...c: boolean) => undefined",
  ],
  ["a(...args: [string, number]) {}", "(args_0: string, args_1: number) => undefined"],
  ["a(...args: any[]) {}", "(...args: ?(any)) => undefined"],
  [
    "a(...args: [1] | [2, 3]) {}",
    "(...args: ?(several lists of arguments are possible)) => undefined",
  ],
  ["a<T extends [number, string]>(...args: T) {}", "(args_0: number, args_1: string) => undefined"],
  [
    "a<T>(a: T, b: T[]): T { return a }",
    "(a: ?(T may be anything), b: ?(T may be anything)[]) => ?(T may be anything)",
  ],
  ["async a<T>(a: T) { return a }", "(a: ?(T may be anything)) => ?(T may be anything)"],
  ["a<T extends { id: string }>(a: T) { return a }", "(a: { id: string }) => { id: string }"],
  ["a<T extends Comparable<T>>(a: T) {}", "(a: { to: ?(T depends on itself) }) => undefined"],
  ["a<K extends keyof O>(key: K): O[K] { throw 1 }", '(key: "x") => number | undefined'],
  [
    "a(a: number | undefined, b?: string | null) {}",
    "(a: number | undefined, b?: string | null) => undefined",
  ],
  [
    "a(done: () => void = () => {}) {}",
    "(done?: ?(a function cannot travel) = () => {}) => undefined",
  ],
  ["a(x) { return x }", "(x: ?(any)) => ?(any)"],
  // Promises are taken off.
  ["async a() { return [1, 'a', null] }", "() => string | number | null[]"],
  ["a(): Promise<Promise<Date>> { throw 1 }", "() => date"],
  ["a(): PromiseLike<void> { throw 1 }", "() => undefined"],
  ["a(): number | Promise<string> { return 1 }", "() => string | number"],
  [
    "async a(): Promise<{ later: Promise<1> }> { throw 1 }",
    "() => { later: ?(a Promise cannot travel) }",
  ],
  ["a(): never { throw 1 }", "() => never"],
  ["a() { return this.missing }", "() => ?(its type was not found)"],
  ["a() { return this.b() } b() { return this.a() }", "() => ?(any)"],
  // Answers that go item by item.
  ["async *a() { yield 1; yield 'x'; return true }", '() => ~1 | "x"'],
  ["*a(): Generator<Promise<number>> { throw 1 }", "() => ~number"],
  ["a(): AsyncIterable<{ a: 1 }> { throw 1 }", "() => ~{ a: 1 }"],
  ["async a(): Promise<AsyncGenerator<string>> { throw 1 }", "() => ~string"],
  ["a(): AsyncIterator<number> { throw 1 }", "() => ~number"],
  ["a(): Iterator<number> { throw 1 }", "() => ~number"],
  ["a() { return [1].values() }", "() => ~number"],
  ["a(): AsyncIterable<number> | AsyncGenerator<string> { throw 1 }", "() => ~string | number"],
  ["a(): { next(): { done: boolean; value: number } } { throw 1 }", "() => ~number"],
  ["a(): { next(): void } { throw 1 }", "() => ~?(nothing is known of its items)"],
  ["a(): { next: number } { throw 1 }", "() => { next: number }"],
  ["a(): AsyncIterable<any> { throw 1 }", "() => ~?(any)"],
  ["a(): Items<number> { throw 1 }", "() => ~number"],
  // A list is a value, and what may be either is told by nobody.
  ["a(): Iterable<number> { throw 1 }", "() => ?(an Iterable cannot travel)"],
  [
    "a(): AsyncIterable<number> | undefined { throw 1 }",
    "() => ?(a stream cannot travel inside a value) | undefined",
  ],
  [
    "a(items: AsyncIterable<number>, b?: AsyncGenerator<string>) {}",
    "(items: ~number, b?: ~string) => undefined",
  ],
  [
    "a(items: AsyncIterable<number> | null) {}",
    "(items: ?(a stream cannot travel inside a value) | null) => undefined",
  ],
  [
    "a(items: Iterator<number>) {}",
    "(items: ?(a stream cannot travel inside a value)) => undefined",
  ],
];

const declarations = `
  type O = { x?: number };
  interface Comparable<T> { to: T }
  interface Items<I> extends AsyncIterable<I> { then(never: never): void }
`;

const source = rows.map(([method], index) => `export class Foo${index} {\n${method}\n}`).join("\n");
const module = readModule(declarations + source);

test.each(rows.map(([method, read], index) => [method, read, index] as const))(
  "%s",
  (_, read, index) => {
    expect(shortMethods(serviceIn(module, `Foo${index}`)).a).toBe(read);
  },
);

test("an item of a stream may be of a type with a name", () => {
  const read = readModule(
    "interface User { id: string } export class Foo { async *a(): AsyncGenerator<User> {} }",
  );
  expect(serviceIn(read)).toEqual({
    name: "Foo",
    methods: [
      {
        name: "a",
        signatures: [{ parameters: [], result: { kind: "ref", name: "User" }, stream: true }],
      },
    ],
    types: {
      User: { type: { kind: "object", fields: [{ name: "id", type: { kind: "string" } }] } },
    },
  });
});
