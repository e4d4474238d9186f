import { list, literal, nil, object, testTypes, union } from "../support/source-types.ts";

const [on, off] = [literal("on"), literal("off")];
/** What the compiler meets first. */
const before = "type Before = ['off', 'on'];";

testTypes([
  ["'on' | 'off'", union(on, off), before],
  ["{ mode: 'on' | 'off' }", object({ mode: union(on, off) }), before],
  ["{ mode?: null | 'on' | 'off' }", object({ "mode?": union(on, off, nil) }), before],
  ["('on' | 'off')[]", list(union(on, off)), before],
  [
    "('on' | 'off' | boolean | 'more')[]",
    list(union(on, off, { kind: "boolean" }, literal("more"))),
  ],
]);
