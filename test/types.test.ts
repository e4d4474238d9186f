import { expect, test } from "bun:test";
import type {
  CallContext,
  Gee,
  GeeError,
  Member,
  MethodOptions,
  Options,
  Outcome,
  Remote,
  ServeOptions,
  ServiceOptions,
} from "../src/index.ts";
import { holds, type Equal } from "./support/types.ts";

// Checked by the compiler (`bun check`), not when it runs.

interface User {
  readonly name: string;
  readonly born?: Date;
}

declare class Foo {
  constructor(database: string);
  Sum(a: number, b: number): number;
  Later(id: string): Promise<User>;
  Nested(): Promise<Promise<number>>;
  Maybe(a?: number, ...rest: string[]): User | undefined;
  Nothing(): void;
  Custom(): PromiseLike<bigint>;
  field: number;
  _hidden(): number;
  private secret(): number;
  protected inner(): number;
  static Static(): number;
}

/** A schema as libraries declare theirs: generic, with types for its input and its output. */
declare const library: ((value: unknown) => User) & {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: "library";
    readonly validate: (
      value: unknown,
      options?: { readonly libraryOptions?: Record<string, unknown> | undefined } | undefined,
    ) =>
      | { readonly value: User; readonly issues?: undefined }
      | {
          readonly issues: ReadonlyArray<{
            readonly message: string;
            readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
          }>;
        }
      | Promise<{ readonly value: User; readonly issues?: undefined }>;
    readonly types?: { readonly input: unknown; readonly output: User } | undefined;
  };
};

function neverRun(gee: Gee, outcome: Outcome, context: CallContext): void {
  const foo = gee.service<Foo>("Foo", { timeoutMs: 200, metadata: { a: "b" }, to: "id" });
  holds<Equal<typeof foo, Remote<Foo>>>();

  // The same methods, each with a promise of what it gives.
  holds<Equal<ReturnType<typeof foo.Sum>, Promise<number>>>();
  holds<Equal<Parameters<typeof foo.Sum>, [a: number, b: number]>>();
  holds<Equal<ReturnType<typeof foo.Later>, Promise<User>>>();
  holds<Equal<ReturnType<typeof foo.Nested>, Promise<number>>>();
  holds<Equal<ReturnType<typeof foo.Maybe>, Promise<User | undefined>>>();
  holds<Equal<Parameters<typeof foo.Maybe>, [a?: number | undefined, ...rest: string[]]>>();
  holds<Equal<ReturnType<typeof foo.Nothing>, Promise<void>>>();
  holds<Equal<ReturnType<typeof foo.Custom>, Promise<bigint>>>();
  holds<Equal<keyof Remote<Foo>, "Sum" | "Later" | "Nested" | "Maybe" | "Nothing" | "Custom">>();

  void foo.Sum(1, 2);
  // @ts-expect-error an argument of another type
  void foo.Sum(1, "2");
  // @ts-expect-error one too few
  void foo.Sum(1);
  // @ts-expect-error one too many
  void foo.Sum(1, 2, 3);
  // @ts-expect-error no such method
  void foo.Product(1, 2);
  // @ts-expect-error a field is no method
  void foo.field;
  // @ts-expect-error a leading underscore keeps a method at home
  void foo["_hidden"];
  // @ts-expect-error private
  void foo.secret();
  // @ts-expect-error protected
  void foo.inner();
  // @ts-expect-error static
  void foo.Static();
  // @ts-expect-error a result is a promise until it is awaited
  foo.Sum(1, 2) satisfies number;
  // @ts-expect-error a stub is not for writing
  foo.Sum = () => Promise.resolve(1);

  // Without types a result is unknown, and must be looked at; and so is each item of a stream.
  holds<Equal<ReturnType<Gee["call"]>, Promise<unknown> & AsyncIterable<unknown>>>();
  void gee.call("Foo.Sum", [1, 2], { timeoutMs: 1 });
  // @ts-expect-error no such option
  void gee.call("Foo.Sum", [1, 2], { timeout: 1 });
  // @ts-expect-error arguments are a list
  void gee.call("Foo.Sum", 1, 2);

  // An outcome is one or the other.
  holds<Equal<typeof outcome.member, Member>>();
  if (outcome.ok) holds<Equal<typeof outcome.value, unknown>>();
  else holds<Equal<typeof outcome.error, GeeError>>();

  // A context is read, not written.
  // @ts-expect-error read only
  context.peer = "me";

  const served: ServeOptions = { services: { Foo: {} }, methods: { Foo: { Sum: {} } } };
  void served;
  const once: MethodOptions = { idempotent: true, timeoutMs: 500 };
  const options: ServiceOptions = { Foo: { Sum: once } };
  void options;
  const named = { Foo: { Sum: once, Nothing: {} } } satisfies Options<{ Foo: Foo; Bar: Foo }>;
  holds<Equal<keyof typeof named.Foo, "Sum" | "Nothing">>();
  const alsoServed: ServeOptions = { services: {}, methods: named };
  void alsoServed;
  // @ts-expect-error no such method
  const noMethod = { Foo: { Product: once } } satisfies Options<{ Foo: Foo }>;
  void noMethod;
  // @ts-expect-error nobody calls it
  const noCallers = { Foo: { secret: once } } satisfies Options<{ Foo: Foo }>;
  void noCallers;
  // @ts-expect-error no such service
  const noService = { Fooo: {} } satisfies Options<{ Foo: Foo }>;
  void noService;
  // @ts-expect-error no such option
  const noOption = { Foo: { Sum: { timeout: 1 } } } satisfies Options<{ Foo: Foo }>;
  void noOption;
  const schema: MethodOptions = { schema: [undefined, library] };
  void schema;
  // @ts-expect-error no schema
  const noSchema: MethodOptions = { schema: { parse: () => 1 } };
  void noSchema;
  // @ts-expect-error no such option of a method
  const misspelt: MethodOptions = { idempotant: true };
  void misspelt;
}

test("a stub has the types of its class", () => {
  expect(neverRun).toBeFunction();
});
