import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { maxConnections } from "../../src/net/descriptors.ts";

const say = (soft: string) => () =>
  `Max processes             95718                95718                processes\n` +
  `Max open files            ${soft.padEnd(20)} 524288               files     \n`;

test("connections stay below the limit of file descriptors, with a reserve", () => {
  expect(maxConnections(say("20000"))).toBe(20_000 - limits.reservedDescriptors);
  expect(maxConnections(say("1024"))).toBe(768);
});

test("a high or missing limit is no licence, and a low one leaves room for some", () => {
  expect(maxConnections(say("1000000"))).toBe(limits.maxConnections);
  expect(maxConnections(say("unlimited"))).toBe(limits.maxConnections);
  expect(maxConnections(say("100"))).toBe(16);
  expect(maxConnections(() => "")).toBe(768);
});

test("this process has a limit that is read", () => {
  expect(maxConnections()).toBeGreaterThanOrEqual(16);
});
