import { expect, test } from "bun:test";
import type { TypeNode } from "../../src/contract/contract.ts";
import { digest, TypeHashes } from "../../src/contract/type-hashes.ts";
import { list, nil, nothing, object, ref, service, string, union } from "../support/contracts.ts";

const tree = object({ left: union(ref("Tree"), nil), right: union(ref("Tree"), nil) });

test("a digest is the beginning of a SHA-256", () => {
  expect(digest("abc", 16)).toBe("ba7816bf8f01cfea");
});

test("one table of hashes gives the same for a type however it was come by", () => {
  const { types } = service([], { Tree: tree, Leaf: string });
  const all = [tree, ref("Tree"), union(ref("Tree"), nil), ref("Leaf"), list(ref("Tree"))];
  const fresh = all.map((type) => new TypeHashes(types).of(type));
  const hashes = new TypeHashes(types);
  expect(all.map((type) => hashes.of(type))).toEqual(fresh);
  const backwards = new TypeHashes(types);
  expect(all.toReversed().map((type) => backwards.of(type))).toEqual(fresh.toReversed());
});

test("what may be left out may be undefined", () => {
  const hashes = new TypeHashes({});
  const either = union(string, nothing);
  expect(hashes.of(either, true)).toBe(hashes.of(string));
  expect(hashes.of(either)).not.toBe(hashes.of(string));
  expect(hashes.of(nothing, true)).toBe(hashes.of(nothing));
});

test("types that share types cost what there is of them, not what they unfold to", () => {
  const types: Record<string, TypeNode> = { T0: string };
  for (let at = 1; at <= 500; at++) {
    const below = ref(`T${at - 1}`);
    types[`T${at}`] = object({ a: below, b: below, c: list(below) });
  }
  const straight = new TypeHashes(service([], types).types).of(ref("T500"));
  // The same, all of it in a circle.
  types["T0"] = union(ref("T500"), string);
  expect(new TypeHashes(service([], types).types).of(ref("T500"))).not.toBe(straight);
});

test("a chain of 20,000 types does not overflow the stack", () => {
  const types: Record<string, TypeNode> = { T20000: string };
  for (let at = 0; at < 20_000; at++) types[`T${at}`] = object({ next: ref(`T${at + 1}`) });
  const hashes = new TypeHashes(service([], types).types);
  expect(hashes.of(ref("T0"))).not.toBe(hashes.of(ref("T1")));
});
