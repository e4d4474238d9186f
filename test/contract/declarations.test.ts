import { expect, setDefaultTimeout, test } from "bun:test";
import ts from "typescript";
import type { MethodContract, ServiceContract, TypeNode } from "../../src/contract/contract.ts";
import { declarations } from "../../src/contract/declarations.ts";
import { libraryNames } from "../../src/contract/library-names.ts";
import {
  bytes,
  date,
  list,
  literals,
  method,
  nil,
  nothing,
  number,
  object,
  ref,
  service,
  string,
  tuple,
  union,
  unknown,
} from "../support/contracts.ts";
import { randomService } from "../support/random-contracts.ts";

setDefaultTimeout(30_000);

const heading = ["made by hand"];
const of = (...services: readonly ServiceContract[]): string => declarations(services, { heading });

const sum: MethodContract = {
  name: "Sum",
  doc: "Adds.\n\nTwice */ if it must.",
  deprecated: "use Add",
  signatures: [
    {
      parameters: [
        { name: "a", type: number, doc: "the first" },
        { name: "b", type: number, optional: true, default: "1", doc: "the\nsecond" },
      ],
      result: number,
    },
  ],
};

const foo: ServiceContract = {
  name: "Foo",
  doc: "Sums.",
  methods: [
    sum,
    method("Count", { to: number }, number, "stream"),
    method("Total", { "numbers...": number }, number),
    {
      name: "Get",
      signatures: [
        ...method("Get", { id: string }, ref("User")).signatures,
        ...method("Get", { "...ids": number }, list(ref("User"))).signatures,
      ],
    },
    method("Clear", {}),
    { name: "Odd", signatures: [], why: "it was not\nfound in the source" },
    method("Any", { x: { kind: "unknown", why: "a function" } }, unknown),
  ],
  types: {
    User: {
      doc: "Somebody.",
      type: {
        kind: "object",
        fields: [
          { name: "name", type: string, doc: "Not unique." },
          { name: "born", type: date, optional: true },
          { name: "colour", type: ref("Colour") },
          { name: "a b", type: object({}, ref("User")) },
        ],
      },
    },
    Colour: { type: literals("red", "green") },
    Unused: { type: string },
  },
  faults: [
    { code: "NOT_FOUND", reason: "NO_SUCH_USER", details: object({ id: string }) },
    { code: "ABORTED", reason: "TOO_LATE" },
    { code: "NO_CODE", reason: "LEFT_OUT" },
  ],
};

test("a service as its callers use it", () => {
  expect(of(foo)).toBe(`// made by hand

import type { Fault } from "gee";

/** Sums. */
export interface Foo {
  /**
   * Adds.
   *
   * Twice *\\/ if it must.
   * @param a the first
   * @param b the
   * second
   * @deprecated use Add
   */
  Sum(a: number, b?: number): Promise<number>;
  Count(to: number): AsyncIterable<number>;
  Total(numbers: AsyncIterable<number>): Promise<number>;
  Get(id: string): Promise<User>;
  Get(...ids: number[]): Promise<User[]>;
  Clear(): Promise<void>;
  Odd(...args: unknown[]): Promise<unknown>; // it was not found in the source
  Any(x: unknown /* a function */): Promise<unknown>;
}

export type FooFaults =
  | Fault<"NOT_FOUND", "NO_SUCH_USER", { id: string }>
  | Fault<"ABORTED", "TOO_LATE">;

export type Colour = "red" | "green";

/** Somebody. */
export interface User {
  /** Not unique. */
  name: string;
  born?: Date;
  colour: Colour;
  "a b": { [key: string]: User };
}

declare module "gee" {
  interface Services {
    Foo: Foo;
  }
}
`);
});

test("of nothing there is a module with nothing in it", () => {
  expect(declarations([], { heading: [] })).toBe("export {};\n");
  expect(declarations([], { heading: ["a", "b\nexport type C = 1;"] })).toBe(
    "// a\n// b export type C = 1;\n\nexport {};\n",
  );
});

const user = object({ name: string });
const getUser = [method("Get", {}, ref("User"))];
const serves = (name: string, types: Readonly<Record<string, TypeNode>>): ServiceContract =>
  service(getUser, types, name);

test("the same services give the same text in whatever order they come", () => {
  const services = [foo, serves("Billing", { User: user }), service([], {}, "Auth")];
  expect(of(...services.toReversed())).toBe(of(...services));
  expect(of(...services).indexOf("Auth {}")).toBeLessThan(of(...services).indexOf("Billing {"));
  expect(of(foo, service([], {}, "Foo"))).toBe(of(foo));
});

/** What is declared and what the services' one method gives. */
function declared(...services: readonly ServiceContract[]): readonly string[] {
  return [
    ...of(...services).matchAll(
      /^export (?:type|interface) (\w+)|Get\(\): (.*);|^    (\S+: \w+);/gm,
    ),
  ].map(([, name, given, entry]) => name ?? given ?? entry ?? "");
}

const merged: readonly (readonly [
  what: string,
  services: readonly ServiceContract[],
  declared: readonly string[],
])[] = [
  [
    "types that are alike are one",
    [serves("Foo", { User: user }), serves("Billing", { User: user })],
    ["Billing", "Promise<User>", "Foo", "Promise<User>", "User", "Billing: Billing", "Foo: Foo"],
  ],
  [
    "types that are alike to the end, whatever their parts are called",
    [
      serves("Foo", { User: object({ a: ref("A") }), A: user }),
      serves("Billing", { User: object({ a: ref("B") }), B: user }),
    ],
    [
      "Billing",
      "Promise<User>",
      "Foo",
      "Promise<User>",
      "B",
      "User",
      "Billing: Billing",
      "Foo: Foo",
    ],
  ],
  [
    "types that are not have their service in front",
    [serves("Foo", { User: user }), serves("Billing", { User: number })],
    [
      "Billing",
      "Promise<BillingUser>",
      "Foo",
      "Promise<FooUser>",
      "BillingUser",
      "FooUser",
      "Billing: Billing",
      "Foo: Foo",
    ],
  ],
  [
    "two of three alike",
    [serves("A", { User: user }), serves("B", { User: number }), serves("C", { User: user })],
    [
      "A",
      "Promise<AUser>",
      "B",
      "Promise<BUser>",
      "C",
      "Promise<AUser>",
      "AUser",
      "BUser",
      "A: A",
      "B: B",
      "C: C",
    ],
  ],
  [
    "a made-up name that is there already",
    [
      serves("Foo", { User: user }),
      service(
        [method("Get", {}, tuple(ref("User"), ref("FooUser")))],
        { User: number, FooUser: string },
        "Billing",
      ),
    ],
    [
      "Billing",
      "Promise<[BillingUser, FooUser]>",
      "Foo",
      "Promise<FooUser2>",
      "BillingUser",
      "FooUser",
      "FooUser2",
      "Billing: Billing",
      "Foo: Foo",
    ],
  ],
  [
    "a type called like a service",
    [serves("User", { User: user }), serves("Billing", { User: user })],
    [
      "Billing",
      "Promise<BillingUser>",
      "User",
      "Promise<BillingUser>",
      "BillingUser",
      "Billing: Billing",
      "User: User",
    ],
  ],
  [
    "a type called like what the text uses",
    [
      service([method("Get", {}, tuple(ref("Date"), date, ref("Promise"), ref("keyof")))], {
        Date: user,
        Promise: user,
        keyof: user,
      }),
    ],
    [
      "Foo",
      "Promise<[FooDate, Date, FooPromise, FooKeyof]>",
      "FooDate",
      "FooKeyof",
      "FooPromise",
      "Foo: Foo",
    ],
  ],
  [
    "types whose names are none",
    [
      service([method("Get", {}, tuple(ref("Page<User>"), ref("1"), ref("<>")))], {
        "Page<User>": user,
        "1": user,
        "<>": number,
      }),
    ],
    ["Foo", "Promise<[PageUser, _1, _]>", "PageUser", "_", "_1", "Foo: Foo"],
  ],
  ["a name for nothing", [serves("Foo", {})], ["Foo", "Promise<unknown>", "Foo: Foo"]],
  [
    "a service that every server has",
    [service([method("Get", {})], {}, "gee.Health"), service([], {}, "GeeHealth")],
    [
      "GeeHealth",
      "GeeHealth2",
      "Promise<void>",
      "GeeHealth: GeeHealth",
      '"gee.Health": GeeHealth2',
    ],
  ],
  [
    "a service called like what the text uses",
    [service([], {}, "Date")],
    ["DateService", "Date: DateService"],
  ],
  [
    "a service called like a keyword",
    [service([], {}, "delete")],
    ["DeleteService", "delete: DeleteService"],
  ],
  [
    "a service called like something of the library",
    [service([], {}, "Member"), service([], {}, "MemberService")],
    [
      "Member",
      "MemberService",
      "MemberService2",
      "Member: MemberService2",
      "MemberService: MemberService",
    ],
  ],
];

for (const [what, services, expected] of merged) {
  test(`names: ${what}`, () => {
    expect(declared(...services)).toEqual([...expected]);
  });
}

/** Each of these would not compile if it were written down as it is. */
const odd: readonly (readonly [what: string, service: ServiceContract])[] = [
  ["everything", foo],
  ["no method", service([])],
  [
    "methods that are words",
    service(
      ["new", "constructor", "get", "delete", "then", "default"].map((name) =>
        method(name, { a: number }),
      ),
    ),
  ],
  ["a method that is no name", service([method("a b", {}), method("", {})])],
  [
    "parameters that are words",
    service([
      method("Do", { class: number, default: number, this: number, eval: number, await: number }),
    ]),
  ],
  [
    "parameters that are none",
    service([method("Do", { "{ a, b }": number, "[c]": number, "": number, "1": number })]),
  ],
  [
    "parameters of one name",
    service([
      {
        name: "Do",
        signatures: [
          {
            parameters: [
              { name: "arg1", type: number },
              { name: "arg1", type: number },
              { name: "class", type: number },
              { name: "class_", type: number },
            ],
            result: nothing,
          },
        ],
      },
    ]),
  ],
  [
    "required behind optional",
    service([
      method("Do", { "a?": number, b: string, "c?": union(string, number), "...d": number }),
    ]),
  ],
  [
    "a rest in the middle",
    service([
      method("Do", { "...a": number, b: number }),
      method("Or", { "a?": number, "...b": number, "c?": number }),
    ]),
  ],
  ["streams", service([method("Do", { "a...?": union(string, nil) }, bytes, "stream")])],
  [
    "fields that are words",
    service([
      method("Do", {
        a: object({
          new: number,
          "get?": number,
          __proto__: string,
          "a b": string,
          readonly: bytes,
        }),
      }),
    ]),
  ],
  [
    "fields that do not fit the index",
    service([method("Do", { a: ref("A") }, list(object({ a: string }, number)))], {
      A: object({ a: string, "b?": number }, number),
    }),
  ],
  [
    "an index of unknown",
    service([method("Do", { a: ref("A") })], {
      A: object({ a: string, "b?": number }, unknown),
      B: object({}, date),
    }),
  ],
  [
    "tuples out of order",
    service([
      method("Do", {
        a: tuple(["?", number], string),
        b: tuple(["*", number], ["?", string]),
        c: tuple(["*", number], ["*", string]),
        d: tuple(["?", string], ["*", number]),
        e: tuple(["?", string], ["*", number], string),
      }),
    ]),
  ],
  [
    "a tuple in a circle",
    service([method("Do", { a: ref("A") })], { A: tuple(string, ["*", ref("A")]) }),
  ],
  [
    "a name for itself",
    service([method("Do", { a: ref("A"), b: ref("B"), d: ref("D") })], {
      A: ref("A"),
      B: ref("C"),
      C: union(string, ref("B")),
      D: union(number, ref("B")),
    }),
  ],
  [
    "json",
    service([method("Do", { a: ref("Json") })], {
      Json: union(string, nil, list(ref("Json")), object({}, ref("Json"))),
    }),
  ],
  [
    "numbers that are no literals",
    service([
      method("Do", {
        a: literals(Number.NaN, -1, 1e21),
        b: { kind: "bigint-literal", text: "x" },
        c: { kind: "bigint-literal", text: "-1" },
      }),
    ]),
  ],
  [
    "a template that names a type",
    service([
      method("Do", {
        a: { kind: "template", text: "`a-${Kind}`" },
        b: { kind: "template", text: "`a-${number}`" },
      }),
    ]),
  ],
  [
    "docs that end comments",
    { ...service([{ ...sum, deprecated: "*/ x", doc: "*/ x" }]), doc: "*/ x\u2028*/" },
  ],
  [
    "reasons that end comments",
    service([
      { name: "Do", signatures: [], why: "a\u2028x y" },
      method("Or", { a: { kind: "unknown", why: "*/ x\ny" } }),
    ]),
  ],
  ["a union of nothing", service([method("Do", { a: union(), b: list(union()) })])],
  ["faults that are none", { ...service([]), faults: [{ code: "toString", reason: "A" }] }],
  [
    "a fault whose reason needs quotes",
    {
      ...service([], { A: user }),
      faults: [{ code: "ABORTED", reason: 'a"b', details: ref("A") }],
    },
  ],
  [
    "a service and its faults of one name",
    {
      ...service([method("Do", {}, ref("FooFaults"))], { FooFaults: user }),
      faults: [{ code: "ABORTED", reason: "A" }],
    },
  ],
];

/** What the compiler says of texts, each a module of its own with a "gee" of its own. */
function complaints(texts: readonly string[], users: readonly string[] = []): readonly string[] {
  const files = new Map<string, string>();
  const rename = (text: string, index: number): string => text.replaceAll('"gee"', `"gee${index}"`);
  for (const [index, text] of texts.entries()) {
    files.set(`/case${index}.d.ts`, rename(text, index));
    files.set(
      `/gee${index}.d.ts`,
      `declare module "gee${index}" {
        ${[...libraryNames]
          .filter((name) => !["Services", "Fault"].includes(name))
          .map((name) => `export interface ${name} { readonly ours: "${name}" }`)
          .join("\n")}
        export interface Services {}
        export interface Fault<C extends "NOT_FOUND" | "ABORTED", R extends string, D = undefined> { code: C; reason: R; details: D }
        export function service<K extends keyof Services>(name: K): Services[K];
      }`,
    );
    const program = users[index];
    if (program !== undefined) files.set(`/user${index}.ts`, rename(program, index));
  }
  const options: ts.CompilerOptions = {
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    target: ts.ScriptTarget.ESNext,
    lib: ["lib.esnext.d.ts"],
    module: ts.ModuleKind.Preserve,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, target) => {
    const text = files.get(name);
    return text === undefined
      ? getSourceFile(name, target)
      : ts.createSourceFile(name, text, target);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  // The library's own files were checked by others.
  const all = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  for (const name of files.keys()) {
    const file = program.getSourceFile(name);
    all.push(...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file));
  }
  return all.map(({ file, start, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line;
    const at = file?.text.split("\n")[line] ?? "";
    return `${file?.fileName}:${line + 1} ${ts.flattenDiagnosticMessageText(messageText, " ")}: ${at}`;
  });
}

const use = `
  import { service } from "gee";
  import type { User, FooFaults } from "./case0";
  export async function main(faults: FooFaults): Promise<number> {
    const foo = service("Foo");
    const users: User[] = await foo.Get(1, 2);
    const user: User = await foo.Get("a");
    for await (const n of foo.Count(3)) n.toFixed();
    const colour: "red" | "green" = user.colour;
    if (faults.reason === "NO_SUCH_USER") return faults.details.id.length;
    return (await foo.Sum(1)) + (await foo.Sum(1, 2)) + users.length + colour.length;
  }
  // @ts-expect-error it is no number
  void service("Foo").Sum("1");
  // @ts-expect-error there is no such method
  void service("Foo").Multiply(1);
  // @ts-expect-error there is no such service
  void service("Bar");
`;

test("whatever the contract holds, its declarations compile, and type what is called", () => {
  const libraries = [...libraryNames].map((name) => service([method("Get", {}, string)], {}, name));
  const texts = [
    ...odd.map(([, one]) => of(one)),
    ...merged.map(([, services]) => of(...services)),
    ...Array.from({ length: 150 }, (_, seed) => of(randomService(seed))),
    of(...Array.from({ length: 10 }, (_, seed) => ({ ...randomService(seed), name: `S${seed}` }))),
    of(...libraries),
  ];
  const users = [use];
  // A service that has the name of something of the library is the service all the same.
  users[texts.length - 1] = `
    import type { Services } from "gee";
    export const given: { [K in keyof Services]: Promise<string> extends ReturnType<Services[K]["Get"]> ? true : never } = {
      ${libraries.map(({ name }) => `"${name}": true`).join(",\n")}
    };
  `;
  expect(complaints(texts, users)).toEqual([]);
});

test("the compiler would complain", () => {
  const [complaint = ""] = complaints([of(foo).replace("Promise<User>", "Promise<Usr>")]);
  expect(complaint).toContain("Cannot find name 'Usr'");
});
