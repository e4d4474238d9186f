import { expect, test } from "bun:test";
import { MethodNotes } from "../../src/routing/method-notes.ts";

test("a method that has answered with a stream is known by that, and no other", () => {
  const notes = new MethodNotes();
  expect(notes.isStream("Foo.Items")).toBe(false);
  notes.noteStream("Foo.Items");
  notes.noteStream("Foo.Items");
  expect(notes.isStream("Foo.Items")).toBe(true);
  expect(notes.isStream("Foo.Item")).toBe(false);
});

test("each method has its own hedge, which stays", () => {
  const notes = new MethodNotes();
  const hedge = notes.hedgeOf("Foo.Get", 0);
  expect(notes.hedgeOf("Foo.Get", 1)).toBe(hedge);
  expect(notes.hedgeOf("Foo.Put", 1)).not.toBe(hedge);
});

test("a caller's own names do not fill it, and those that were there before stay", () => {
  const notes = new MethodNotes();
  const first = notes.hedgeOf("Foo.M0", 0);
  for (let each = 0; each < 2_000; each++) {
    notes.hedgeOf(`Foo.M${each}`, 0);
    notes.noteStream(`Foo.M${each}`);
  }
  expect(notes.hedgeOf("Foo.M0", 0)).toBe(first);
  expect(notes.hedgeOf("Foo.M1999", 0)).not.toBe(notes.hedgeOf("Foo.M1999", 0));
  expect(notes.isStream("Foo.M0")).toBe(true);
  expect(notes.isStream("Foo.M1999")).toBe(false);
});

test("one that is not kept still says when a call is sent twice: never", () => {
  const notes = new MethodNotes();
  for (let each = 0; each < 1_024; each++) notes.hedgeOf(`Foo.M${each}`, 0);
  expect(notes.hedgeOf("Foo.More", 0).delayMs(0)).toBeUndefined();
});
