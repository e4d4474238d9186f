import { expect, test } from "bun:test";
import { EtcdClient } from "../../src/directory/etcd-client.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";

/** What a member does with a request: an answer, or what it throws; undefined = nothing, for ever. */
type Script = (path: string, body: string) => Response | Error | undefined;

interface Bench {
  readonly clock: FakeClock;
  readonly client: EtcdClient;
  /** `MEMBER PATH` of each request. */
  readonly asked: string[];
  readonly inits: BunFetchRequestInit[];
}

function setUp(scripts: readonly Script[], random: () => number = () => 0): Bench {
  const clock = new FakeClock();
  const asked: string[] = [];
  const inits: BunFetchRequestInit[] = [];
  const client = new EtcdClient({
    members: scripts.map((_, n) => `http://m${n}:1`),
    clock,
    random,
    fetch: async (url, init) => {
      const { hostname, pathname } = new URL(url);
      asked.push(`${hostname} ${pathname}`);
      inits.push(init);
      await turn();
      const answer = scripts[Number(hostname.slice(1))]?.(pathname, String(init.body));
      if (answer instanceof Error) throw answer;
      if (answer !== undefined) return answer;
      const { promise, reject } = Promise.withResolvers<never>();
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      return promise;
    },
  });
  return { clock, client, asked, inits };
}

const well: Script = () => Response.json({ ok: true });
const refusing: Script = () => Object.assign(new TypeError("x"), { code: "ECONNREFUSED" });
const hung: Script = () => undefined;

function refusal(code: number, error: string, status = 400): Script {
  return () => Response.json({ error, message: error, code }, { status });
}

/** Lets time go on in steps until something is settled. */
async function settled<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const over = (): void => void (state.isOver = true);
  work.then(over, over);
  while (!state.isOver) {
    for (let turns = 0; turns < 5; turns++) await turn();
    await clock.advance(20);
  }
  return work;
}

test("a request is a POST of JSON to one member, with no help from a proxy on loopback", async () => {
  const { client, asked, inits } = setUp([well, well]);
  expect(await client.ask("/v3/x", { a: 1 })).toEqual({ ok: true });
  expect(await client.ask("/v3/y", {})).toEqual({ ok: true });
  expect(asked).toEqual(["m0 /v3/x", "m0 /v3/y"]);
  expect(inits[0]).toMatchObject({ method: "POST", body: `{"a":1}`, redirect: "error" });
  expect(inits[0]?.headers).toMatchObject({ "grpc-metadata-hasleader": "true" });
});

test("it begins with any member", async () => {
  const { client, asked } = setUp([well, well, well], () => 0.99);
  await client.ask("/x", {});
  expect(asked).toEqual(["m2 /x"]);
});

test("who does not answer is passed over, is asked on a new connection next, and is not given up", async () => {
  const state = { isDown: true };
  const moody: Script = (path, body) => (state.isDown ? refusing(path, body) : well(path, body));
  const { clock, client, asked, inits } = setUp([moody, well]);
  await client.ask("/x", {});
  await client.ask("/x", {});
  expect(asked).toEqual(["m0 /x", "m1 /x", "m1 /x"]);
  client.passOn(1);
  await client.ask("/x", {});
  expect(asked.slice(3)).toEqual(["m0 /x", "m1 /x"]);
  state.isDown = false;
  client.passOn(1);
  await client.ask("/x", {});
  await client.ask("/x", {});
  expect(asked.slice(5)).toEqual(["m0 /x", "m0 /x"]);
  expect(inits.slice(5).map(({ keepalive }) => keepalive)).toEqual([false, true]);
  expect(clock.pending()).toBe(0);
});

test("a member that hangs costs a second, and the next one less while nobody answers", async () => {
  const { clock, client, asked } = setUp([hung, hung, well]);
  const startedAt = clock.now();
  await settled(clock, client.ask("/x", {}));
  expect(asked).toEqual(["m0 /x", "m1 /x", "m2 /x"]);
  expect(clock.now() - startedAt).toBeGreaterThanOrEqual(1_400);
  expect(clock.now() - startedAt).toBeLessThan(1_600);
  expect(clock.pending()).toBe(0);
});

test("when nobody answers it ends within 1.9 s, with what the last one did", async () => {
  for (const script of [refusing, hung, refusal(14, "etcdserver: no leader")]) {
    const { clock, client, asked } = setUp([script, script]);
    const startedAt = clock.now();
    const error = await failureOf(settled(clock, client.ask("/x", {})));
    expect(error).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    expect(error.message).toMatch(/^etcd at http:\/\/m[01]:1: /);
    expect(clock.now() - startedAt).toBeLessThanOrEqual(1_960);
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(asked.length).toBeLessThan(40);
    expect(clock.pending()).toBe(0);
  }
});

test.each([
  [5, "NOT_FOUND"],
  [8, "RESOURCE_EXHAUSTED"],
  [9, "FAILED_PRECONDITION"],
  [11, "OUT_OF_RANGE"],
  [3, "INVALID_ARGUMENT"],
  [7, "PERMISSION_DENIED"],
])("etcd's refusal %i is %s, from the first who says it", async (number, code) => {
  const { client, asked } = setUp([refusal(number, "because"), well]);
  const error = await failureOf(client.ask("/x", {}));
  expect(error).toMatchObject({ code, reason: "ETCD_REFUSED" });
  expect(error.message).toBe("etcd at http://m0:1: because");
  expect(asked).toHaveLength(1);
});

test("what is no etcd is passed over as well", async () => {
  const page: Script = () => new Response("<html>", { status: 404 });
  const { client } = setUp([page, () => new Response("", { status: 502 }), well]);
  expect(await client.ask("/x", {})).toEqual({ ok: true });
  const only = setUp([page]);
  const error = await failureOf(settled(only.clock, only.client.ask("/x", {})));
  expect(error.message).toContain("it answered 404; is an etcd there?");
});

test("an answer that is no JSON is none, and one that is too large is refused unread", async () => {
  const page: Script = () => new Response("<html>");
  const { client } = setUp([page, well]);
  expect(await client.ask("/x", {})).toEqual({ ok: true });
  const only = setUp([page]);
  expect(await failureOf(settled(only.clock, only.client.ask("/x", {})))).toMatchObject({
    reason: "ETCD_UNAVAILABLE",
    message: "etcd at http://m0:1: the body is no JSON text in UTF-8; is an etcd there?",
  });
  const headers = { "content-length": "40000000" };
  const large = setUp([() => new Response("[]", { headers })]);
  expect((await failureOf(large.client.ask("/x", {}))).reason).toBe("BODY_TOO_LARGE");
});

test("one member, when that one is meant", async () => {
  const { client, asked } = setUp([well, refusing]);
  expect((await failureOf(client.ask("/x", {}, { member: 1 }))).code).toBe("UNAVAILABLE");
  expect(asked).toEqual(["m1 /x"]);
});

test("at most 64 at a time, but for urgent ones; who waited too long is not sent", async () => {
  const { clock, client, asked } = setUp([hung]);
  const waiting = Array.from({ length: 100 }, () => failureOf(client.ask("/x", {})));
  await until(() => asked.length === 64, "64 requests");
  const urgent = failureOf(client.ask("/urgent", {}, { urgent: true }));
  await until(() => asked.includes("m0 /urgent"), "an urgent one");
  const errors = await settled(clock, Promise.all([...waiting, urgent]));
  expect(errors.every(({ code }) => code === "UNAVAILABLE")).toBe(true);
  expect(errors.filter(({ message }) => message.includes("too many requests"))).toHaveLength(36);
});

test("many bodies go as lines, and all answers are read", async () => {
  const bodies: string[] = [];
  const echo: Script = (_path, body) => {
    bodies.push(body);
    return new Response(`${body}\n`);
  };
  const { client } = setUp([echo]);
  expect(await client.askMany("/x", [{ a: 1 }, { a: 2 }])).toEqual([{ a: 1 }, { a: 2 }]);
  expect(bodies).toEqual([`{"a":1}\n{"a":2}`]);
});

/** A stream that a test writes to. */
function stream(): {
  readonly script: Script;
  write(text: string): void;
  end(error?: Error): void;
} {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({ start: (made) => void (controller = made) });
  return {
    script: () => new Response(body),
    write: (text) => controller?.enqueue(new TextEncoder().encode(text)),
    end: (error) => (error === undefined ? controller?.close() : controller?.error(error)),
  };
}

test("a stream gives its values as they come, for as long as nothing ends it", async () => {
  const { script, write, end } = stream();
  const { clock, client } = setUp([script, well]);
  const { member, values } = await client.open("/v3/watch", {}, new AbortController().signal);
  expect(member).toBe(0);
  write(`{"result":1}\n{"res`);
  expect(await values.next()).toEqual({ done: false, value: { result: 1 } });
  await clock.advance(86_400_000);
  write(`ult":2}\n`);
  expect(await values.next()).toEqual({ done: false, value: { result: 2 } });
  end();
  expect((await failureOf(values.next())).message).toContain("it ended the stream");
  expect(clock.pending()).toBe(0);
});

test.each([
  [(at: ReturnType<typeof stream>) => at.end(new TypeError("lost")), "UNAVAILABLE"],
  [
    (at: ReturnType<typeof stream>) =>
      at.write(`{"error":{"grpc_code":14,"message":"no leader","http_code":503}}\n`),
    "UNAVAILABLE",
  ],
  [(at: ReturnType<typeof stream>) => at.write("nonsense\n"), "INVALID_ARGUMENT"],
  [(at: ReturnType<typeof stream>) => at.write("x".repeat(17_000_000)), "RESOURCE_EXHAUSTED"],
] as const)(
  "a stream that breaks says why, and the next member has the turn",
  async (harm, code) => {
    const at = stream();
    const { client, asked } = setUp([at.script, well]);
    const { values } = await client.open("/v3/watch", {}, new AbortController().signal);
    harm(at);
    expect((await failureOf(values.next())).code).toBe(code);
    await client.ask("/x", {});
    expect(asked.at(-1)).toBe("m1 /x");
  },
);

test("a stream that cannot be opened is for the next member", async () => {
  for (const script of [refusing, hung, refusal(14, "no leader", 503)]) {
    const { clock, client, asked } = setUp([script, well]);
    const opening = client.open("/v3/watch", {}, new AbortController().signal);
    expect((await failureOf(settled(clock, opening))).code).toBe("UNAVAILABLE");
    await client.ask("/x", {});
    expect(asked).toEqual(["m0 /v3/watch", "m1 /x"]);
  }
});

test("whoever leaves a stream, or aborts it, ends the request", async () => {
  for (const end of ["leave", "abort", "dispose"] as const) {
    const at = stream();
    const { client, inits, asked } = setUp([at.script, well]);
    const stop = new AbortController();
    const { values } = await client.open("/v3/watch", {}, stop.signal);
    at.write("1\n");
    // A value that is no object is none of etcd's.
    at.write("{}\n");
    const reading = values.next().catch(() => {});
    if (end === "abort") stop.abort();
    else if (end === "dispose") client[Symbol.dispose]();
    else await values.return(undefined);
    await reading;
    await until(() => inits[0]?.signal?.aborted === true, `the end by ${end}`);
    expect(asked).toHaveLength(1);
  }
});

test("disposing ends what is under way and refuses what follows", async () => {
  const { clock, client, asked } = setUp([hung]);
  const waiting = [1, 2, 3].map(() => failureOf(client.ask("/x", {})));
  await until(() => asked.length === 3, "three requests");
  client[Symbol.dispose]();
  for (const error of await Promise.all(waiting)) expect(error.message).toContain("stops");
  expect((await failureOf(client.ask("/x", {}))).code).toBe("UNAVAILABLE");
  expect([asked.length, clock.pending()]).toEqual([3, 0]);
});
