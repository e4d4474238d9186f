import { expect, test } from "bun:test";
import { bufferedBytes } from "../../src/wire/buffered.ts";
import { Line } from "../../src/wire/line.ts";
import { Taker } from "./taker.ts";

/** A line whose doings can be seen. */
class Seen extends Line {
  add(text: string, tail?: string): void {
    const [head, rest] = [Buffer.from(text), tail === undefined ? undefined : Buffer.from(tail)];
    this.put(head, head.length + (rest?.length ?? 0), rest);
  }

  addBytes(count: number): void {
    this.put(Buffer.alloc(count, 1), count, undefined);
  }

  flush(): boolean {
    return this.writeLine();
  }

  drop(): void {
    this.release();
  }

  get easy(): number {
    return this.easyBytes;
  }
}

test("what is put leaves in order, a tail behind its head, and what the link left comes first", () => {
  const before = bufferedBytes();
  const link = new Taker();
  const line = new Seen(link);
  line.add("ab", "cd");
  line.add("x".repeat(60));
  expect([line.position, bufferedBytes() - before, link.writes]).toEqual([64, 64, 0]);
  link.room = 3;
  expect([line.flush(), line.position, bufferedBytes() - before]).toEqual([false, 64, 61]);
  line.add("e");
  link.room = 1_000;
  expect([line.flush(), line.flush(), link.writes]).toEqual([true, true, 2]);
  expect(link.taken.toString()).toBe(`abcd${"x".repeat(60)}e`);
  expect([line.position, bufferedBytes() - before]).toEqual([65, 0]);
});

test("what is dropped never leaves", () => {
  const before = bufferedBytes();
  const link = new Taker();
  const line = new Seen(link);
  line.add("lost");
  line.drop();
  line.add("kept");
  line.flush();
  expect([link.taken.toString(), bufferedBytes()]).toEqual(["kept", before]);
});

test("how much the link took without a stop is counted, and forgotten when it stops", () => {
  const link = new Taker();
  const line = new Seen(link);
  for (const [room, easy] of [
    [1_000_000, 300_000],
    [1_000_000, 600_000],
    [299_999, 0],
    // What was left of the third, and the fourth.
    [1_000_000, 300_001],
  ] as const) {
    line.addBytes(300_000);
    link.room = room;
    line.flush();
    expect(line.easy).toBe(easy);
  }
});
