import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { BodyReader } from "../../src/directory/body-reader.ts";
import { FakeClock, turn } from "../support/clock.ts";

async function failureOf(work: Promise<unknown>): Promise<GeeError> {
  try {
    await work;
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it did not fail");
}

function post(body: string | ReadableStream<Uint8Array>): Request {
  const headers = { "content-type": "application/json" };
  return new Request("http://r", { method: "POST", headers, body });
}

/** A body that comes as it is pushed. */
function slow(): { readonly request: Request; push(text: string): void; end(): void } {
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      source = controller;
    },
  });
  return {
    request: post(body),
    push: (text) => source?.enqueue(Buffer.from(text)),
    end: () => source?.close(),
  };
}

test("a body is read, and nothing waits afterwards", async () => {
  const clock = new FakeClock();
  const bodies = new BodyReader(clock);
  expect(await bodies.read(post('{"a":1}'))).toEqual({ a: 1 });
  expect(await failureOf(bodies.read(post("{")))).toMatchObject({ reason: "BAD_JSON" });
  const large = post(JSON.stringify("x".repeat(limits.maxRegistryBodyBytes)));
  expect(await failureOf(bodies.read(large))).toMatchObject({ reason: "BODY_TOO_LARGE" });
  expect(clock.pending("foreground")).toBe(0);
});

test("a body has 5 seconds, however it comes", async () => {
  const clock = new FakeClock();
  const bodies = new BodyReader(clock);
  const [drip, silent, whole] = [slow(), slow(), slow()];
  const outcomes = [drip, silent].map(({ request }) => failureOf(bodies.read(request)));
  const read = bodies.read(whole.request);
  whole.push("[1,");
  for (let second = 0; second < 4; second++) {
    drip.push("[");
    await clock.advance(1_000);
  }
  await clock.advance(999);
  whole.push("2]");
  whole.end();
  expect(await read).toEqual([1, 2]);
  await clock.advance(1);
  for (const error of await Promise.all(outcomes)) {
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "SLOW_BODY", executed: "no" });
    expect(error.message).toContain("5000 ms");
  }
  // What comes too late is nobody's concern.
  drip.push("]");
  drip.end();
  await turn();
});

test("so many are read at once and no more, until one is done", async () => {
  const clock = new FakeClock();
  const bodies = new BodyReader(clock);
  const held = Array.from({ length: limits.maxRegistryBodies }, slow);
  const reads = held.map(({ request }) => bodies.read(request).catch(() => "late"));
  const refused = await failureOf(bodies.read(post("{}")));
  expect(refused).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "TOO_MANY_BODIES",
    executed: "no",
  });
  held[0]?.push("1");
  held[0]?.end();
  expect(await reads[0]).toBe(1);
  expect(await bodies.read(post("2"))).toBe(2);
  await clock.advance(limits.registryBodyMs);
  expect(new Set(await Promise.all(reads.slice(1)))).toEqual(new Set(["late"]));
  expect(await bodies.read(post("3"))).toBe(3);
});
