import { expect, test } from "bun:test";
import { giveBuffer, leastBufferBytes, takeBuffer } from "../../src/wire/spare-buffer.ts";

/** Whatever other tests have left. */
function empty(): void {
  takeBuffer(1);
}

test("a buffer that is given back goes to the next who asks for no more than it has, once", () => {
  empty();
  const bytes = takeBuffer(2 * leastBufferBytes);
  expect(bytes.length).toBe(2 * leastBufferBytes);
  giveBuffer(bytes);
  expect(takeBuffer(4 * leastBufferBytes)).not.toBe(bytes);
  expect(takeBuffer(leastBufferBytes)).toBe(bytes);
  expect(takeBuffer(leastBufferBytes)).not.toBe(bytes);
});

test("of two the larger one is kept, up to 1 MiB", () => {
  empty();
  const [small, large, tooLarge] = [65_536, 1_048_576, 2_097_152].map(takeBuffer);
  for (const bytes of [large, small, tooLarge]) if (bytes !== undefined) giveBuffer(bytes);
  const kept = takeBuffer(1);
  expect(kept === large).toBe(true);
  expect(takeBuffer(65_536) === small).toBe(false);
});
