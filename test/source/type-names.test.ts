import {
  literal,
  nil,
  number,
  object,
  ref,
  testTypes,
  text,
  union,
} from "../support/source-types.ts";

testTypes([
  [
    "[S.User, User, S.User]",
    {
      kind: "tuple",
      items: [{ type: ref("User") }, { type: ref("User_2") }, { type: ref("User") }],
    },
    "namespace S { export interface User { a: 1 } } interface User { b: 2 }",
    { User: { type: object({ a: literal(1) }) }, User_2: { type: object({ b: literal(2) }) } },
  ],
  // The name of the service itself is taken.
  [
    "T.Row",
    ref("Row_2"),
    "namespace T { export interface Row { a: 1 } }",
    { Row_2: { type: object({ a: literal(1) }) } },
  ],
  [
    "Record<string, Promise_>",
    object({}, ref("Promise_")),
    "interface Promise_ { a: 1 }",
    { Promise_: { type: object({ a: literal(1) }) } },
  ],
  // An alias goes before what it stands for; one of a type with a name is that type.
  [
    "Again",
    ref("User"),
    "interface User { a: 1 } type Again = User;",
    { User: { type: object({ a: literal(1) }) } },
  ],
  [
    "Patch",
    ref("Patch"),
    "interface User { a: 1 } type Patch = { [K in keyof User]?: User[K] };",
    { Patch: { type: object({ "a?": literal(1) }) } },
  ],
  // For the compiler this is Partial<User>.
  ["Patch", object({ "a?": literal(1) }), "interface User { a: 1 } type Patch = Partial<User>;"],
  ["Id", text, "type Id = string;"],
  ["Box<number>", object({ value: number }), "interface Box<T> { value: T }"],
  [
    "Box<number>",
    ref("Box_number"),
    "/** Boxed. */ interface Box<T> { value: T; next?: Box<T> }",
    { Box_number: { type: object({ value: number, "next?": ref("Box_number") }), doc: "Boxed." } },
  ],
  [
    "Box<{ a: 1 }>",
    ref("Box_1"),
    "type Box<T> = { value: T; next: Box<T> | null };",
    {
      Box_1: { type: object({ value: object({ a: literal(1) }), next: union(ref("Box_1"), nil) }) },
    },
  ],
  ["typeof it", object({ a: literal(1) }), "const it: { a: 1 } = { a: 1 };"],
  [
    "InstanceType<typeof Held>",
    ref("Held"),
    "const Held = class { a = 'x' };",
    { Held: { type: object({ a: text }) } },
  ],
]);
