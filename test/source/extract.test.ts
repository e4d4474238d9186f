import { expect, test } from "bun:test";
import { join } from "node:path";
import { loadModules } from "../../src/cli/modules.ts";
import { servedContract } from "../../src/contract/served.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { extractInterfaces, extractModules, readMarks } from "../../src/source/extract.ts";
import { folder } from "../support/folder.ts";
import { memoryHost } from "../support/source-host.ts";
import { readModule, serviceIn, shortMethods } from "../support/source-modules.ts";

test("each path has its contract, in order, whatever stands there", () => {
  const files = {
    "/m/a.ts": 'import "./b.ts"; export class A { a() {} private p() {} }',
    "/m/b.ts": "export class B { b() {} protected q() {} }",
    "/other/c.ts": "export class C { c() {} }",
    "/other/tsconfig.json": "{",
  };
  const paths = ["/other/c.ts", "/m/b.ts", "/m/gone.ts", "/m/a.ts", "/m/b.ts"];
  const read = extractModules(paths, memoryHost(files));
  expect(read.map(({ services }) => services.map(({ name }) => name))).toEqual([
    ["C"],
    ["B"],
    [],
    ["A"],
    ["B"],
  ]);
  expect(read.map(({ files: own }) => own)).toEqual([
    ["/other/c.ts"],
    ["/m/b.ts"],
    ["/m/gone.ts"],
    ["/m/a.ts", "/m/b.ts"],
    ["/m/b.ts"],
  ]);
  expect(read[3]?.marks).toEqual({ A: ["p"], B: ["q"] });
  expect(read[3]?.hidden).toEqual({ A: ["p"] });
  expect(extractModules([], memoryHost({}))).toEqual([]);
});

test("the same source gives the same contract", () => {
  const files = {
    "/m/a.ts": `import { B } from "./b.ts"; namespace N { export interface U { a: B } }
      interface U { b: "x" | "y" } export class Foo { a(of: N.U): U | B { throw 1 } }`,
    "/m/b.ts": "export interface B { c: 1 | null; d: B[] }",
  };
  const read = (): string => JSON.stringify(extractModules(["/m/a.ts"], memoryHost(files)));
  expect(read()).toBe(read());
});

test("marks are read by the parser alone", () => {
  const files = {
    "/m/a.ts": `import type { X } from "./b.ts"; import "./c.js"; import "./gone.ts"; import "pkg";
      export class A { private a(of: Missing) {} }`,
    "/m/b.ts": "export class B { protected b() {} } class A { private more() {} }",
    "/m/c.js": "export default class { /** @private */ c() {} }",
    "/m/d.ts": "export class D { private d() {} }",
    "/m/node_modules/pkg/package.json": '{ "types": "x.d.ts" }',
    "/m/node_modules/pkg/x.d.ts": "export class P { private p; }",
  };
  const asked: string[] = [];
  const libFile = (name: string): undefined => void asked.push(name);
  const read = readMarks(["/m/a.ts", "/m/gone.ts"], memoryHost(files, { libFile }));
  expect(read).toEqual([
    {
      services: [],
      hidden: {},
      marks: { A: ["a", "more"], B: ["b"], default: ["c"] },
      files: ["/m/a.ts", "/m/b.ts", "/m/c.js"],
    },
    { services: [], hidden: {}, marks: {}, files: ["/m/gone.ts"] },
  ]);
  expect(asked).toEqual([]);
});

test("a package's class is read by its declarations", () => {
  const module = readModule({
    "/m/a.ts": 'import { Client } from "pkg"; export { Client }; export const Foo = new Client();',
    "/m/node_modules/pkg/package.json": '{ "types": "x.d.ts" }',
    "/m/node_modules/pkg/x.d.ts": `export declare class Client {
      private secret; protected other(): void; /** @private */ hidden(): void;
      /** Gets. */
      get(id: string): Promise<string>;
    }`,
  });
  expect(shortMethods(serviceIn(module))).toEqual({ get: "(id: string) => string" });
  expect(serviceIn(module).methods[0]?.doc).toBe("Gets.");
  expect(module.hidden.Foo).toEqual(["secret", "other", "hidden"]);
  expect(module.hidden.Client).toEqual(["secret", "other", "hidden"]);
});

test("what declarations of JavaScript leave out is marked by the JavaScript", () => {
  const module = readModule({
    "/m/a.ts": 'export { Foo } from "./foo.js";',
    "/m/foo.d.ts": "export declare class Foo { a(b: string): number; p(): void }",
    "/m/foo.js": "export class Foo { a(b) { return 1 }\n /** @private */\n p() {} }",
  });
  expect(module.files).toEqual(["/m/a.ts", "/m/foo.d.ts", "/m/foo.js"]);
  expect(module.hidden).toEqual({});
  expect(module.marks).toEqual({ Foo: ["p"] });
  expect(shortMethods(serviceIn(module)).a).toBe("(b: string) => number");
});

test("a module that is installed has files of its own", () => {
  const module = readModule({
    "/m/node_modules/app/a.js": 'export { Foo } from "./b.js"; import "other";',
    "/m/node_modules/app/b.js": "export class Foo { a() {}\n /** @private */\n p() {} }",
    "/m/node_modules/other/package.json": '{ "main": "c.js" }',
    "/m/node_modules/other/c.js": "export class Other { /** @private */ q() {} }",
  });
  expect(module.files).toEqual(["/m/node_modules/app/a.js", "/m/node_modules/app/b.js"]);
  expect(module.hidden.Foo ?? module.marks.Foo).toEqual(["p"]);
  expect(module.marks).not.toHaveProperty("Other");
});

/** What stands in modules that somebody wrote in a hurry, and what is still read of `Foo`. */
const odd: readonly (readonly [what: string, source: string, methods: Record<string, string>])[] = [
  [
    "type errors",
    'export class Foo { a(b: number): string { return b + c } d(): void { return "" } }',
    { a: "(b: number) => string", d: "() => undefined" },
  ],
  [
    "an unfinished expression",
    "export class Foo { a(b: number) { return b + }\n c() { return 1 } ",
    { a: "(b: number) => ?(its type was not found)", c: "() => number" },
  ],
  ["something else", "export class {{{ ]]] @@ private foo( class Foo", {}],
  ["binary", "\0\u0001\u{fffd}export class Foo {}\0", {}],
  ["nothing", "", {}],
  ["a script", "class Foo { a() {} }", {}],
  [
    "missing imports",
    'import { Gone, type T } from "./gone.ts"; import x from "nope"; export class Foo extends Gone { a(of: T): Gone { return x } }',
    { a: "(of: ?(its type was not found)) => ?(its type was not found)" },
  ],
  [
    "circles of types",
    "export class Foo extends Foo { a(of: A): B { throw 1 } } type A = B; type B = A;",
    { a: "(of: ?(its type was not found)) => ?(its type was not found)" },
  ],
  [
    "a circle of results",
    "export class Foo { a() { return this.b() } b() { return [this.a()] } }",
    { a: "() => ?(any)", b: "() => ?(any)" },
  ],
  [
    "one name twice",
    "export class Foo { a(b: 1): 1 { throw 1 } a(b: 2): 2 { throw 1 } }",
    { a: "(b: 2) => 2" },
  ],
  [
    "two classes of one name",
    "export class Foo { a() {} } export class Foo { b() {} }",
    { a: "() => undefined" },
  ],
  [
    "a base that is computed",
    "const bases = { B: class { x() {} } }; export class Foo extends bases['B'] { a() {} }",
    { a: "() => undefined" },
  ],
  [
    "decorators that say nothing",
    "function d(...x: any[]): any {} @d export class Foo { @d a(@d b: number) {} @d() @d c = 1; }",
    { a: "(b: number) => undefined" },
  ],
  [
    "markup",
    "export class Foo { a(b: string) { return <b>{b}</b> } }",
    { a: "(b: string) => ?(its type was not found)" },
  ],
  [
    "a new syntax",
    "export class Foo { async a() { await using x = opened(); return x } b() { return 1 satisfies number } }",
    { a: "() => ?(its type was not found)", b: "() => number" },
  ],
  ["no names", "export class Foo { async ['a' + 1]() {} [Math.random()]() {} }", {}],
];

test.each(odd)("%s: %s", (_, source, methods) => {
  const module = readModule({ "/m/a.tsx": source });
  const service = module.services.find(({ name }) => name === "Foo");
  expect(service === undefined ? {} : shortMethods(service)).toEqual(methods);
});

test("a circle of imports is followed once", () => {
  const module = readModule({
    "/m/a.ts": 'import { B } from "./b.ts"; export class A { b(): B { return new B() } x = 1 }',
    "/m/b.ts": 'import { A } from "./a.ts"; export class B { a(): A { return new A() } y = 2 }',
  });
  expect(shortMethods(serviceIn(module, "A"))).toEqual({ b: "() => B" });
  expect(module.files).toEqual(["/m/a.ts", "/m/b.ts"]);
});

test.each([
  ["parentheses", `${"(".repeat(4_000)}1${")".repeat(4_000)}`],
  ["lists", `${"[".repeat(4_000)}${"]".repeat(4_000)}`],
  ["calls", `x${".a()".repeat(8_000)}`],
  ["objects", `${"{ a: ".repeat(3_000)}1${" }".repeat(3_000)}`],
])("%s that nest deeper than the compiler can are read for their marks", (_, expression) => {
  const source = `declare const x: any; export class Foo { a() { return ${expression} }\n private secret() {} }`;
  const module = readModule(source);
  const marked = module.hidden.Foo ?? module.marks.Foo ?? Object.values(module.marks).flat();
  expect(marked).toEqual(["secret"]);
});

test("without the language's own declarations there is still what is written", () => {
  const source =
    "interface U { id: string } export class Foo { a(b: number, c: U): string { return '' } private p() {} }";
  const module = readModule(source, { libFile: () => undefined });
  expect(shortMethods(serviceIn(module))).toEqual({ a: "(b: number, c: U) => string" });
  expect(module.hidden).toEqual({ Foo: ["p"] });
});

test("a tsconfig that makes the compiler stumble is left out", () => {
  const files = {
    "/m/a.ts": "export class Foo { a(b: number | null) { return b } }",
    "/m/tsconfig.json": JSON.stringify({
      compilerOptions: {
        ...{ strict: false, strictNullChecks: false, jsx: "react", jsxFactory: "((", baseUrl: 5 },
        ...{
          rootDirs: [{}],
          typeRoots: [7],
          customConditions: "x",
          lib: ["es1999"],
          moduleSuffixes: [1],
        },
      },
    }),
  };
  expect(shortMethods(serviceIn(readModule(files)))).toEqual({
    a: "(b: number | null) => number | null",
  });
});

// Most of it is inference; on a busy machine it takes its time.
const largeTimeoutMs = 60_000;

test(
  "a module of 10,000 lines is read",
  () => {
    const types = Array.from(
      { length: 400 },
      (_, n) => `
    /** Type ${n}. */
    export interface T${n} {
      id: string;
      value${n}: number | null;
      next?: T${(n * 7 + 3) % 400};
      tags: readonly string[];
    }`,
    );
    const methods = Array.from(
      { length: 400 },
      (_, n) => `
    /**
     * Method ${n}.
     *
     * @param a the first
     */
    async method${n}(a: T${n}, b: Partial<T${(n + 1) % 400}> = {}, c?: "x" | "y") {
      const all = [a, b];
      if (all.length > ${n}) {
        throw new Error("too many");
      }
      for (const one of all) {
        console.log(one.id);
      }
      const last = all.length - 1;
      return {
        ...a,
        c,
        last,
      };
    }`,
    );
    const source = `${types.join("\n")}\nexport class Foo {${methods.join("\n")}}`;
    expect(source.split("\n").length).toBeGreaterThan(10_000);
    const service = serviceIn(readModule(source));
    expect(service.methods).toHaveLength(400);
    expect(Object.keys(service.types)).toHaveLength(400);
    expect(shortMethods(service).method7).toContain(
      "(a: T7, b?: { id?: string; value8?: number | null;",
    );
  },
  largeTimeoutMs,
);

/** Modules that run. What is to be kept from callers is named secret. */
const running: readonly (readonly [what: string, files: Readonly<Record<string, string>>])[] = [
  [
    "a class",
    {
      "a.ts":
        "export class Foo { a() {} private secret() {} field = () => 1; static s() {} get g() { return 1 } _u() {} #h() {} ['lit']() {} async *gen() {} }",
    },
  ],
  [
    "instances",
    {
      "a.ts":
        "class Db { q() {} } class A { constructor(private db: Db) {} a() {} private secret() {} } export const Foo = new A(new Db()); const other = new A(new Db()); export { other as Bar }; export default new A(new Db());",
    },
  ],
  [
    "hidden by a type",
    {
      "a.ts":
        "interface I { a(): void } class A { a() {} private secret() {} protected secretToo() {} } export const Foo: I = new A(); export const Bar = new A() as unknown as I; const make = (): I => new A(); export const Made = make(); export let Later: unknown = new A();",
    },
  ],
  [
    "passed on",
    {
      "a.ts":
        'export { Foo as Bar } from "./b.ts"; export * from "./c.js"; export { default } from "./d.ts"',
      "b.ts": "export class Foo { a() {} private secret() {} }",
      "c.js": "export class See {\n  b() {}\n  /** @private */\n  secret() {}\n}",
      "d.ts": "export default class Dee { c() {} protected secret() {} }",
    },
  ],
  [
    "expressions",
    {
      "a.ts":
        "export const Foo = class { a() {} private secret() {} }; export const Bar = class Other { b() {} private secret() {} }; const key = 'computed'; export const Baz = new (class { [key]() {} private ['secret']() {} })();",
    },
  ],
  [
    "bases",
    {
      "a.ts":
        "abstract class Base { inherited() {} protected secret() {} } export class Foo extends Base { a() {} protected secret() {} } export abstract class Bar { b() {} private secret() {} }",
    },
  ],
  [
    "replaced by a decorator",
    {
      "a.ts":
        "function put(_: unknown): any { return class Foo { a() {} private secret() {} } } @put export class Foo { b() {} }",
    },
  ],
  [
    "replaced by its constructor",
    {
      "a.ts":
        "class Inner { a() {} private secret() {} } export class Foo { constructor() { return new Inner() as any } b() {} }",
    },
  ],
  [
    "a mixin",
    {
      "a.ts":
        "function mix<T extends new (...a: any[]) => object>(B: T) { return class extends B { mixed() {} private secret() {} } } export const Foo = mix(class { base() {} });",
    },
  ],
  [
    "methods from elsewhere",
    {
      "a.ts":
        "class Part { private secret() {} } export class Foo { a() {} } for (const name of ['secret']) Object.defineProperty(Foo.prototype, name, Object.getOwnPropertyDescriptor(Part.prototype, name)!);",
    },
  ],
  [
    "CommonJS",
    {
      "a.cjs":
        "class Foo { a() {}\n /** @private */\n secret() {} }\nmodule.exports = { Foo, Bar: class { b() {} /** @private */ secret() {} } };",
    },
  ],
  [
    "CommonJS by name",
    {
      "a.cjs":
        "exports.Foo = class { a() {}\n /** @private */\n secret() {} }; exports.Bar = new exports.Foo();",
    },
  ],
  [
    "CommonJS as a whole",
    { "a.cjs": "module.exports = class Foo { a() {} /** @protected */ secret() {} };" },
  ],
  [
    "overloads",
    {
      "a.ts":
        "export class Foo { a(b: string): void; a(b: number): void; a(b: any) {} private secret(b: string): void; private secret(b: number): void; private secret(b: any) {} }",
    },
  ],
  [
    "type errors",
    {
      "a.ts":
        "export class Foo { a(b: Missing): number { return 'x' } private secret() { return nowhere } }",
    },
  ],
];

test.each(running)(
  "what is served when it runs is read, and what is secret is hidden: %s",
  async (_, files) => {
    await using place = await folder(files);
    const path = join(place.path, Object.keys(files)[0] ?? "");
    const { services } = await loadModules([path]);
    const all = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [join(place.path, name), text]),
    );
    const [module] = extractModules([path], memoryHost(all));
    if (module === undefined) throw new Error("nothing was read");
    for (const { name, methods } of createServiceTable(services).services) {
      const className = services[name]?.constructor.name ?? "";
      const { contract, hidden } = servedContract([module], name, className, methods);
      const open = methods.filter((method) => !hidden.has(method));
      // What a class that is known for certain got when it ran is not served: nobody can say what it is.
      const isOpen = (method: string): boolean =>
        !method.startsWith("secret") &&
        !(method.startsWith("mixed") && module.hidden[name] !== undefined);
      expect(open).toEqual(methods.filter(isOpen));
      expect(contract.methods.map((method) => method.name).sort()).toEqual(open.toSorted());
      const unread = contract.methods.filter(({ signatures }) => signatures.length === 0);
      if (module.hidden[name] !== undefined) expect(unread).toEqual([]);
    }
  },
);

test("interfaces are read like classes, and without a crash", () => {
  for (const text of ["", "export interface {{", "export interface Foo { a(): Foo }"]) {
    const read = extractInterfaces("/m/a.d.ts", memoryHost({ "/m/a.d.ts": text }));
    expect(read.files).toEqual(["/m/a.d.ts"]);
  }
});
