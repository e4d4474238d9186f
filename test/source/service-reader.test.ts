import { expect, test } from "bun:test";
import { extractInterfaces } from "../../src/source/extract.ts";
import { memoryHost } from "../support/source-host.ts";
import { readModule, serviceIn } from "../support/source-modules.ts";
import { literal } from "../support/source-types.ts";

test("each service has the types that it uses, and no others", () => {
  const module = readModule(`
    interface Shared { a: Inner } interface Inner { b: 1 } interface Hidden { c: 1 }
    /** One. */
    export class One { a(of: Shared) {} private p(of: Hidden) {} }
    export class Two { a(of: Inner): One { throw 1 } }`);
  const types = (name: string): readonly string[] => Object.keys(serviceIn(module, name).types);
  expect(types("One")).toEqual(["Shared", "Inner"]);
  expect(types("Two")).toEqual(["Inner", "One"]);
  expect(serviceIn(module, "One").doc).toBe("One.");
  expect(serviceIn(module, "Two")).not.toHaveProperty("doc");
});

test("an instance has the comment of its class, or its own", () => {
  const module = readModule(`
    /** Of the class. */ class A { a() {} } class B { a() {} }
    /** Of the export. */ export const One = new A();
    /** Its own. */
    export const Two = new B();`);
  expect(module.services.map(({ doc }) => doc)).toEqual(["Of the class.", "Its own."]);
});

test("faults are read from where the service is passed on, or from where its class is", () => {
  const fault = 'export type FooFaults = { code: "NOT_FOUND"; reason: "GONE"; details: 1 };';
  const found = [{ code: "NOT_FOUND", reason: "GONE", details: literal(1) }];
  const own = readModule(`export class Foo { a() {} } ${fault}`);
  expect(serviceIn(own).faults).toEqual(found);
  const passed = readModule({
    "/m/a.ts": 'export { Foo } from "./b.ts"; export type FooFaultsToo = 1;',
    "/m/b.ts": `export class Foo { a() {} } ${fault}`,
  });
  expect(serviceIn(passed).faults).toEqual(found);
  expect(
    serviceIn(readModule("export class Foo { a() {} } export const FooFaults = 1;")),
  ).not.toHaveProperty("faults");
});

test("interfaces with methods are services, as gee prints them", () => {
  const text = `
    import type { Fault, ItemStream } from "gee";
    /** A user. */
    export interface User { id: string; friend?: User }
    /** Sums. */
    export interface Foo {
      /** The sum. */
      Sum(a: number, b?: number): Promise<number>;
      all(of: AsyncIterable<User>): AsyncIterable<User>;
      over(a: string): Promise<string>;
      over(a: number): Promise<number>;
    }
    export type FooFaults = Fault<"NOT_FOUND", "GONE", { id: string }>;
    declare module "gee" { interface Services { Foo: Foo } }`;
  const read = extractInterfaces("/t/foo.d.ts", memoryHost({ "/t/foo.d.ts": text }));
  const number = { kind: "number" };
  const user = { kind: "ref", name: "User" };
  expect(JSON.parse(JSON.stringify(read))).toEqual({
    services: [
      {
        name: "Foo",
        doc: "Sums.",
        methods: [
          {
            name: "Sum",
            doc: "The sum.",
            signatures: [
              {
                parameters: [
                  { name: "a", type: number },
                  { name: "b", type: number, optional: true },
                ],
                result: number,
              },
            ],
          },
          {
            name: "all",
            signatures: [
              {
                parameters: [{ name: "of", type: user, stream: true }],
                result: user,
                stream: true,
              },
            ],
          },
          {
            name: "over",
            signatures: [
              { parameters: [{ name: "a", type: { kind: "string" } }], result: { kind: "string" } },
              { parameters: [{ name: "a", type: number }], result: number },
            ],
          },
        ],
        types: {
          User: {
            doc: "A user.",
            type: {
              kind: "object",
              fields: [
                { name: "id", type: { kind: "string" } },
                { name: "friend", type: user, optional: true },
              ],
            },
          },
        },
        faults: [
          {
            code: "NOT_FOUND",
            reason: "GONE",
            details: { kind: "object", fields: [{ name: "id", type: { kind: "string" } }] },
          },
        ],
      },
    ],
    hidden: {},
    marks: {},
    files: ["/t/foo.d.ts"],
  });
});

test("a file that is not there has no interfaces", () => {
  expect(extractInterfaces("/t/foo.d.ts", memoryHost({})).services).toEqual([]);
});
