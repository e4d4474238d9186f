import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { readJsonLines } from "../../src/directory/etcd-lines.ts";

/** What comes out of a body in pieces of so many bytes: values, then what is thrown. */
async function read(body: string | Uint8Array, size: number, maxBytes = 100): Promise<unknown[]> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  const values: unknown[] = [];
  try {
    for await (const value of readJsonLines(chunks, maxBytes)) values.push(value);
  } catch (thrown) {
    values.push(GeeError.from(thrown).reason);
  }
  return values;
}

const sizes = [1, 2, 3, 7, 1_000];

test.each(sizes)("a value a line, in pieces of %i bytes", async (size) => {
  expect(await read(`{"a":"ä€😀"}\n\n[1]\n"x"\n`, size)).toEqual([{ a: "ä€😀" }, [1], "x"]);
  expect(await read(`1\n2`, size)).toEqual([1, 2]);
  expect(await read("", size)).toEqual([]);
  expect(await read("\n\n\n", size)).toEqual([]);
});

test.each(sizes)("what is no JSON in UTF-8 ends it, in pieces of %i bytes", async (size) => {
  expect(await read(`1\n{"a":\n2\n`, size)).toEqual([1, "BAD_JSON"]);
  expect(await read(Uint8Array.of(0x31, 10, 0x22, 0xff, 0x22, 10), size)).toEqual([1, "BAD_JSON"]);
  expect(await read(`1\n{"cut":`, size)).toEqual([1, "BAD_JSON"]);
});

test.each(sizes)(
  "a line over the limit ends it before it is whole, in pieces of %i bytes",
  async (size) => {
    const most = `"${"x".repeat(98)}"`;
    expect(await read(`${most}\n${most}\n`, size)).toHaveLength(2);
    expect(await read(`1\n${most} \n2\n`, size)).toEqual([1, "LINE_TOO_LONG"]);
    expect(await read(`1\n${"x".repeat(10_000)}`, size)).toEqual([1, "LINE_TOO_LONG"]);
  },
);

test("a body without end is left as soon as the limit is passed", async () => {
  let pulled = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      pulled += 1;
      yield new Uint8Array(60).fill(0x78);
    }
  }
  const reading = readJsonLines(endless(), 100).next();
  expect(
    await reading.then(
      () => "read",
      (error) => error.reason,
    ),
  ).toBe("LINE_TOO_LONG");
  expect(pulled).toBe(2);
});
