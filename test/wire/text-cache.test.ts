import { expect, test } from "bun:test";
import { TextCache } from "../../src/wire/text-cache.ts";

const bytesOf = (text: string): Buffer => Buffer.from(`..${text}..`);

test("a text is found by its bytes once it was kept, wherever they stand", () => {
  const cache = new TextCache();
  const bytes = bytesOf("Foo.Sum");
  expect(cache.find(bytes, 2, 7)).toBeUndefined();
  cache.keep(bytes, 2, 7, "Foo.Sum");
  expect(cache.find(bytes, 2, 7)).toBe("Foo.Sum");
  expect(cache.find(Buffer.from("Foo.Sum"), 0, 7)).toBe("Foo.Sum");
});

test("other bytes of the same length, or a part of them, are not taken for it", () => {
  const cache = new TextCache();
  cache.keep(bytesOf("Foo.Sum"), 2, 7, "Foo.Sum");
  expect(cache.find(bytesOf("Foo.Sun"), 2, 7)).toBeUndefined();
  expect(cache.find(bytesOf("Foo.Sum"), 2, 6)).toBeUndefined();
  expect(cache.find(bytesOf("Foo.Sum"), 1, 7)).toBeUndefined();
});

test("the bytes that a text came from may change afterwards", () => {
  const cache = new TextCache();
  const bytes = bytesOf("key");
  cache.keep(bytes, 2, 3, "key");
  bytes.fill(0);
  expect(cache.find(bytesOf("key"), 2, 3)).toBe("key");
  expect(cache.find(bytes, 2, 3)).toBeUndefined();
});

test("texts of up to 31 bytes are kept, longer ones are not, and the empty one is a text", () => {
  const cache = new TextCache();
  for (const length of [0, 31, 32]) {
    const bytes = Buffer.alloc(length, 0x61);
    cache.keep(bytes, 0, length, "a".repeat(length));
    expect(cache.find(bytes, 0, length)).toBe(length === 32 ? undefined : "a".repeat(length));
  }
});

test("a hundred thousand texts take no more room than its slots", () => {
  const cache = new TextCache();
  let found = 0;
  for (let index = 0; index < 100_000; index++) {
    const text = `key${index}`;
    cache.keep(Buffer.from(text), 0, text.length, text);
  }
  for (let index = 0; index < 100_000; index++) {
    const text = `key${index}`;
    if (cache.find(Buffer.from(text), 0, text.length) === text) found++;
  }
  expect(found).toBeGreaterThan(0);
  expect(found).toBeLessThanOrEqual(1_024);
});

test("a text that may never come again is kept when it comes for the second time", () => {
  const cache = new TextCache();
  const bytes = bytesOf("paid");
  expect(cache.find(bytes, 2, 4)).toBeUndefined();
  cache.keepAgain(bytes, 2, 4, "paid");
  expect(cache.find(bytes, 2, 4)).toBeUndefined();
  cache.keepAgain(bytes, 2, 4, "paid");
  expect(cache.find(bytes, 2, 4)).toBe("paid");
});
