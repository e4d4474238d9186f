import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { isJson, readJson } from "../../src/discovery/json-body.ts";

function streamOf(...chunks: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const bytes = chunks.map((chunk) => (typeof chunk === "string" ? Buffer.from(chunk) : chunk));
  return new ReadableStream({
    pull(controller) {
      const next = bytes.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
  });
}

async function outcome(
  body: ReadableStream<Uint8Array> | null,
  headers: Record<string, string> = {},
  maxBytes = 64,
): Promise<unknown> {
  try {
    return await readJson({ headers: new Headers(headers), body }, maxBytes);
  } catch (thrown) {
    return GeeError.from(thrown).reason;
  }
}

test("a JSON content type is known with and without parameters", () => {
  const yes = ["application/json", "Application/JSON", " application/json ; charset=utf-8"];
  const no = [null, "", "text/json", "application/json5", "application/jsonx", "text/plain"];
  expect([...yes, ...no].map(isJson)).toEqual([...yes.map(() => true), ...no.map(() => false)]);
});

test("JSON is read however it is cut, in the middle of a character too", async () => {
  const bytes = Buffer.from('{"a":"é€😀"}');
  for (let cut = 0; cut <= bytes.length; cut++) {
    const body = streamOf(bytes.subarray(0, cut), bytes.subarray(cut));
    expect(await outcome(body)).toEqual({ a: "é€😀" });
  }
});

test("a body of the limit is read, one byte more is not, whatever its head says", async () => {
  const body = JSON.stringify("x".repeat(62));
  expect(await outcome(streamOf(body))).toBe("x".repeat(62));
  expect(await outcome(streamOf(body, " "))).toBe("BODY_TOO_LARGE");
  expect(await outcome(streamOf(body, " "), { "content-length": "3" })).toBe("BODY_TOO_LARGE");
  expect(await outcome(streamOf("1"), { "content-length": "65" })).toBe("BODY_TOO_LARGE");
});

test("an endless body is cut at the limit and let go", async () => {
  let cancelled = false;
  let pulls = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls += 1;
      controller.enqueue(Buffer.from("1111"));
    },
    cancel() {
      cancelled = true;
    },
  });
  expect(await outcome(endless)).toBe("BODY_TOO_LARGE");
  expect([cancelled, pulls < 30]).toEqual([true, true]);
});

test("what is no JSON in UTF-8 is refused", async () => {
  const bad = ["", "{", "{}}", "nope", "'a'", "\u0000", "[".repeat(60)];
  for (const text of bad) expect(await outcome(streamOf(text))).toBe("BAD_JSON");
  expect(await outcome(null)).toBe("BAD_JSON");
  expect(await outcome(streamOf(new Uint8Array([0x22, 0xff, 0x22])))).toBe("BAD_JSON");
  const latin = { "content-type": "application/json; charset=iso-8859-1" };
  expect(await outcome(streamOf("1"), latin)).toBe("UNSUPPORTED_MEDIA_TYPE");
  const utf8 = { "content-type": 'application/json; charset="UTF-8"' };
  expect(await outcome(streamOf("1"), utf8)).toBe(1);
});

test("nesting without end does no harm", async () => {
  const deep = "[".repeat(30_000);
  expect(await outcome(streamOf(deep), {}, 65_536)).toBe("BAD_JSON");
});

test("a body whose sender goes away is refused", async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error("reset"));
    },
  });
  expect(await outcome(broken)).toBe("BAD_JSON");
});

test("a request whose head says its length is read in one go, as strictly", async () => {
  const ask = async (body: string | Uint8Array<ArrayBuffer>, length: number): Promise<unknown> => {
    const headers = { "content-length": `${length}` };
    const request = new Request("http://r", { method: "POST", body, headers });
    return readJson(request, 64).catch((thrown: unknown) => GeeError.from(thrown).reason);
  };
  const full = JSON.stringify("x".repeat(62));
  expect(await ask('{"a":"é€😀"}', 17)).toEqual({ a: "é€😀" });
  expect(await ask(full, 64)).toBe("x".repeat(62));
  expect(await ask(full, 65)).toBe("BODY_TOO_LARGE");
  expect(await ask(`${full} `, 3)).toBe("BODY_TOO_LARGE");
  expect(await ask(new Uint8Array([0x22, 0xff, 0x22]), 3)).toBe("BAD_JSON");
  expect(await ask("{", 1)).toBe("BAD_JSON");
});
