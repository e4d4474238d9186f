import { describe, expect, test } from "bun:test";
import { Endpoint } from "../../src/fleet/endpoint.ts";
import { Preference, withTags } from "../../src/fleet/preference.ts";
import type { PreferenceOptions, Tags } from "../../src/fleet/preference.ts";
import { seededRandom } from "../wire/random-values.ts";

type Facts = { readonly zone?: string; readonly tags?: Tags; readonly weight?: number };

function member(key: string, { zone, tags, weight = 1 }: Facts = {}): Endpoint {
  return new Endpoint({ key, weight, zone, tags });
}

function names(list: readonly Endpoint[]): string {
  return list.map(({ key }) => key).join(" ");
}

/** How often each list comes out, as parts of all, by the keys in it. */
function outcomes(
  options: PreferenceOptions,
  available: readonly Endpoint[],
  known: readonly Endpoint[] = available,
): Readonly<Record<string, number>> {
  const preference = new Preference<Endpoint>(options);
  const random = seededRandom(1);
  const counts: Record<string, number> = {};
  for (let call = 0; call < 10_000; call++) {
    const key = names(preference.of(available, known, random));
    counts[key] = (counts[key] ?? 0) + 1 / 10_000;
  }
  return counts;
}

function expectNear(
  got: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
  for (const [key, share] of Object.entries(expected)) {
    expect(Math.abs((got[key] ?? 0) - share)).toBeLessThan(0.015);
  }
}

const a1 = member("a1", { zone: "a" });
const a2 = member("a2", { zone: "a" });
const a3 = member("a3", { zone: "a" });
const a4 = member("a4", { zone: "a" });
const heavy = member("heavy", { zone: "a", weight: 6 });
const zero = member("zero", { zone: "a", weight: 0 });
const b1 = member("b1", { zone: "b" });
const c1 = member("c1", { zone: "c" });
const none = member("none");

describe("zone: its own first", () => {
  test.each<
    readonly [string, readonly Endpoint[], readonly Endpoint[] | undefined, Record<string, number>]
  >([
    ["all are there", [a1, b1, a2, c1], undefined, { "a1 a2": 1 }],
    ["nobody is in it", [b1, c1, none], undefined, { "b1 c1 none": 1 }],
    ["nobody is elsewhere", [a1, a2], undefined, { "a1 a2": 1 }],
    ["nobody at all", [], undefined, { "": 1 }],
    [
      "three of four: 1.4 * 3/4 is enough",
      [a1, a2, a3, b1],
      [a1, a2, a3, a4, b1],
      { "a1 a2 a3": 1 },
    ],
    [
      "two of four keep 70 %",
      [a1, a2, b1, c1],
      [a1, a2, a3, a4, b1, c1],
      { "a1 a2": 0.7, "b1 c1": 0.3 },
    ],
    ["one of four keeps 35 %", [a1, b1], [a1, a2, a3, a4, b1], { a1: 0.35, b1: 0.65 }],
    ["all of them are out", [b1], [a1, a2, b1], { b1: 1 }],
    ["all others are out", [a1], [a1, a2, a3, a4, b1], { a1: 1 }],
    ["weights count: 2 of 8", [a1, a2, b1], [a1, a2, heavy, b1], { "a1 a2": 0.35, b1: 0.65 }],
    ["... and 6 of 8", [heavy, b1], [a1, a2, heavy, b1], { heavy: 1 }],
    ["only one of weight 0 is in it", [zero, b1], undefined, { b1: 1 }],
    ["... and there is nobody else", [zero], undefined, { zero: 1 }],
    ["who is available is not known", [a1, b1], [], { a1: 1 }],
  ])("%s", (_, available, known, expected) => {
    expectNear(outcomes({ zone: "a" }, available, known), expected);
  });

  test("where nobody weighs anything all weigh the same", () => {
    const [x1, x2] = [
      member("x1", { zone: "a", weight: 0 }),
      member("x2", { zone: "a", weight: 0 }),
    ];
    const y = member("y", { zone: "b", weight: 0 });
    expectNear(outcomes({ zone: "a" }, [x1, y], [x1, x2, y]), { x1: 0.7, y: 0.3 });
  });
});

const old1 = member("old1");
const old2 = member("old2", { tags: { version: "1" } });
const new1 = member("new1", { tags: { version: "2", disk: "fast" } });
const new2 = member("new2", { tags: { version: "2" }, weight: 0 });

describe("canary: its share of the calls", () => {
  const all = [old1, new1, old2];
  const tags = { version: "2" };

  test.each<readonly [share: number, Record<string, number>]>([
    [0.1, { new1: 0.1, "old1 old2": 0.9 }],
    [0.5, { new1: 0.5, "old1 old2": 0.5 }],
    [0, { "old1 old2": 1 }],
    [1, { new1: 1 }],
    [-1, { "old1 old2": 1 }],
    [7, { new1: 1 }],
    [Infinity, { new1: 1 }],
    [NaN, { "old1 old2": 1 }],
  ])("a share of %d", (share, expected) => {
    expectNear(outcomes({ canary: { tags, share } }, all), expected);
  });

  test.each<readonly [string, readonly Endpoint[], Record<string, number>]>([
    ["nobody has the tags: all go to the others", [old1, old2], { "old1 old2": 1 }],
    ["only those have them: all go there", [new1], { new1: 1 }],
    ["nobody at all", [], { "": 1 }],
    ["those that have them weigh nothing", [old1, new2], { old1: 1 }],
    ["... and there is nobody else", [new2], { new2: 1 }],
  ])("%s", (_, available, expected) => {
    expectNear(outcomes({ canary: { tags, share: 0.3 } }, available), expected);
  });

  test("tags that everybody has", () => {
    expectNear(outcomes({ canary: { tags: {}, share: 0 } }, all), { "old1 new1 old2": 1 });
  });

  test("tags that are changed later change nothing", () => {
    const own: Record<string, string> = { version: "2" };
    const preference = new Preference<Endpoint>({ canary: { tags: own, share: 1 } });
    own["version"] = "1";
    expect(names(preference.of(all, all, () => 0.5))).toBe("new1");
  });
});

test("the canary comes first, and then the zone among those that it leaves", () => {
  const tags = { version: "2" };
  const list = [
    member("old-a", { zone: "a" }),
    member("old-b", { zone: "b" }),
    member("new-a1", { zone: "a", tags }),
    member("new-a2", { zone: "a", tags }),
    member("new-b", { zone: "b", tags }),
  ];
  const options = { zone: "a", canary: { tags, share: 0.2 } };
  expectNear(outcomes(options, list), { "old-a": 0.8, "new-a1 new-a2": 0.2 });
  const without = list.filter(({ key }) => key !== "new-a1");
  expectNear(outcomes(options, without, list), { "old-a": 0.8, "new-a2": 0.14, "new-b": 0.06 });
});

test("without a preference the list itself comes back", () => {
  const list = [a1, b1];
  expect(new Preference<Endpoint>().of(list, list, () => 0)).toBe(list);
});

test("the same arrays come back for the same lists, and others for others", () => {
  const tags = { version: "2" };
  const preference = new Preference<Endpoint>({ zone: "a", canary: { tags, share: 0.5 } });
  const list = [a1, a2, b1, new1];
  const random = seededRandom(3);
  const seen = new Set<readonly Endpoint[]>();
  for (let call = 0; call < 100; call++) seen.add(preference.of(list, list, random));
  expect([...seen].map(names).sort()).toEqual(["a1 a2", "new1"]);
  const shorter = [a1, b1];
  expect(names(preference.of(shorter, shorter, () => 0.9))).toBe("a1");
  // The same list beside another: what is known of how many there would be counts anew.
  const lonely = new Preference<Endpoint>({ zone: "a" });
  expect(names(lonely.of(shorter, shorter, () => 0.9))).toBe("a1");
  expect(names(lonely.of(shorter, [a1, a2, a3, a4, b1], () => 0.9))).toBe("b1");
});

test.each([NaN, -1, 0, 1, Infinity])("chance of %d gives somebody", (chance) => {
  const preference = new Preference<Endpoint>({ canary: { tags: { version: "2" }, share: 0.5 } });
  expect(preference.of([old1, new1], [old1, new1], () => chance).length).toBe(1);
});

describe("tags that a call wants", () => {
  const list = [old1, old2, new1, new2];

  test.each<readonly [Tags, string]>([
    [{}, "old1 old2 new1 new2"],
    [{ version: "2" }, "new1 new2"],
    [{ version: "2", disk: "fast" }, "new1"],
    [{ disk: "fast", version: "1" }, ""],
    [{ version: "3" }, ""],
    [{ toString: "x" }, ""],
    [{ constructor: "" }, ""],
  ])("%j", (tags, expected) => {
    expect(names(withTags(list, tags))).toBe(expected);
    expect(names(withTags([], tags))).toBe("");
  });

  test("the same array for the same list and tags, whatever object they come in", () => {
    const first = withTags(list, { version: "2", disk: "fast" });
    expect(withTags(list, { disk: "fast", version: "2" })).toBe(first);
    expect(withTags(list, { version: "2" })).not.toBe(first);
    expect(withTags([...list], { version: "2", disk: "fast" })).not.toBe(first);
  });

  test("tags that are changed later are other tags", () => {
    const another = [...list];
    const changing: Record<string, string> = { version: "1" };
    expect(names(withTags(another, changing))).toBe("old2");
    changing["version"] = "2";
    expect(names(withTags(another, changing))).toBe("new1 new2");
    expect(names(withTags(another, { version: "1" }))).toBe("old2");
  });

  test("only some sets of tags are remembered", () => {
    const first = withTags(list, { version: "1" });
    for (let other = 0; other < 15; other++) withTags(list, { other: String(other) });
    expect(withTags(list, { version: "1" })).toBe(first);
    withTags(list, { other: "one more" });
    expect(withTags(list, { version: "1" })).not.toBe(first);
    expect(withTags(list, { version: "1" })).toEqual(first);
  });
});
