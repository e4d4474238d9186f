import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { type LineSource, openChunks, openItems, readItems } from "../../src/cli/item-lines.ts";
import { frameOf } from "../../src/cli/usage.ts";
import { folder } from "../support/folder.ts";

/** A text, or bytes, cut into reads of one size. */
async function* cut(text: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

interface Read {
  readonly values: readonly unknown[];
  /** What iterating it threw. */
  readonly error: GeeError | undefined;
  /** What it said before that. */
  readonly failed: readonly GeeError[];
}

async function readAll(chunks: AsyncIterable<Uint8Array>, maxLineBytes?: number): Promise<Read> {
  const [values, failed]: [unknown[], GeeError[]] = [[], []];
  let error: GeeError | undefined;
  try {
    const options = { name: "--stream: f", failed: (why: GeeError) => void failed.push(why) };
    for await (const value of readItems(chunks, { ...options, maxLineBytes })) values.push(value);
  } catch (thrown) {
    error = GeeError.from(thrown);
  }
  return { values, error, failed };
}

test.each([
  ["a value a line", "1\n2\n3\n", [1, 2, 3]],
  ["the last line need not end", "1\n2", [1, 2]],
  ["lines may end as elsewhere", '1\r\n"x"\r\n', [1, "x"]],
  ["empty lines are skipped", "\n1\n\n \t\r\n\n2\n\n", [1, 2]],
  ["nothing is nothing", "", []],
  [
    "values of every kind",
    '{"a":[1,null]}\n"日本"\n-2.5\nfalse',
    [{ a: [1, null] }, "日本", -2.5, false],
  ],
  ["no digit is lost", "9007199254740993\n", [9_007_199_254_740_993n]],
  ["space around a value", "  1 \n", [1]],
])("%s, however it is cut into reads", async (_name, text, values) => {
  for (const size of [1, 2, 3, 7, 1_000]) {
    expect(await readAll(cut(text, size))).toEqual({ values, error: undefined, failed: [] });
  }
});

test("a line that is wrong is named by its number, with a caret, behind those before it", async () => {
  for (const size of [1, 5, 1_000]) {
    const { values, error, failed } = await readAll(cut('1\n\n  {"a":1,bad}\n4\n', size));
    expect(values).toEqual([1]);
    expect(error?.code).toBe("INVALID_ARGUMENT");
    expect(error?.message).toBe(
      '--stream: f is not JSON: expected a name in ", found "b" (line 3, column 10)',
    );
    expect(error && frameOf(error)).toBe('    {"a":1,bad}\n           ^');
    expect(failed).toEqual(error === undefined ? [] : [error]);
  }
});

test.each([
  ["hello\n", 'expected a value, found "h" (line 1, column 1)'],
  ["1\n[1\r\n", "expected , or ], but the text ends here (line 2, column 3)"],
  ["1 2\n", 'expected the end, found "2" (line 1, column 3)'],
  [new Uint8Array([0x31, 0x0a, 0xff, 0x0a]), "--stream: f: line 2 is not UTF-8 text"],
])("%p is refused", async (text, message) => {
  expect((await readAll(cut(text, 3))).error?.message).toEndWith(message);
});

test("a line has an end, and is not collected beyond the largest message", async () => {
  const { values, error } = await readAll(cut("12345\n123456\n", 4), 5);
  expect(values).toEqual([12_345]);
  expect(error?.message).toBe("--stream: f: line 2 has more than 5 bytes");
  let reads = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      reads += 1;
      yield new Uint8Array(1_048_576).fill(0x31);
    }
  }
  expect((await readAll(endless())).error?.message).toContain("4194304 bytes");
  expect(reads).toBe(5);
});

test("a source that fails is a failure of the stream", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield* cut("1\n", 9);
    throw new Error("EIO");
  }
  const { values, error, failed } = await readAll(broken());
  expect(values).toEqual([1]);
  expect(error?.message).toBe("--stream: f cannot be read: EIO");
  expect(failed).toHaveLength(1);
});

test("the source is read no faster than items are taken, and closed when they are not wanted", async () => {
  let [reads, closed] = [0, false];
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        reads += 1;
        yield* cut("1\n2\n", 9);
      }
    } finally {
      closed = true;
    }
  }
  const items = readItems(source(), { name: "x", failed: () => {} });
  expect(reads).toBe(0);
  for (const [value, readsSoFar] of [
    [1, 1],
    [2, 1],
    [1, 2],
  ]) {
    expect(await items.next()).toEqual({ done: false, value });
    expect(reads).toBe(readsSoFar ?? 0);
  }
  await items.return(undefined);
  expect(closed).toBe(true);
});

const nothing: LineSource = {
  file: () => {
    throw new Error("no such file");
  },
  stdin: () => {
    throw new Error("stdin was read");
  },
};

function openFailure(stream: string): string {
  try {
    openItems(stream, () => {}, nothing);
  } catch (thrown) {
    return GeeError.from(thrown).message;
  }
  throw new Error("it was accepted");
}

test("--stream reads a file for @FILE and standard input for @- alone", async () => {
  const first = async (stream: string, source: Partial<LineSource>): Promise<unknown> =>
    (await openItems(stream, () => {}, { ...nothing, ...source }).next()).value;
  expect(await first("@f", { file: (path) => cut(JSON.stringify(path), 9) })).toBe("f");
  expect(await first("@-", { stdin: () => cut("5", 9) })).toBe(5);
  expect(openFailure("@f")).toBe("--stream: cannot read f: no such file");
  for (const stream of ["f", "@", "1"]) {
    expect(openFailure(stream)).toStartWith("--stream takes @FILE or @-");
  }
});

test("a file that is not there is found when it is opened, and one that is there is read", async () => {
  await using place = await folder({ "numbers.txt": "1\n2\n" });
  expect(() => openChunks(Bun.file(`${place.path}/nope`).stream())).toThrow("ENOENT");
  expect(() => openChunks(Bun.file(place.path).stream())).toThrow("EISDIR");
  const chunks = openChunks(Bun.file(`${place.path}/numbers.txt`).stream());
  expect((await readAll(chunks)).values).toEqual([1, 2]);
});
