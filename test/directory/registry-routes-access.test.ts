import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { limits } from "../../src/base/limits.ts";
import { LocalDirectory } from "../../src/directory/local-directory.ts";
import {
  createRegistryRoutes,
  type RegistryRoutes,
  type RegistryRoutesOptions,
} from "../../src/directory/registry-routes.ts";
import { MemoryStore } from "../../src/directory/store.ts";
import { parseTokens } from "../../src/directory/token-rules.ts";
import {
  behindHttp,
  fine,
  forbidden,
  malformed,
  ownMachine,
  unspecified,
} from "../support/addresses.ts";
import { FakeClock } from "../support/clock.ts";
import { memoryLog } from "../support/memory-log.ts";
import { announcement, idOf } from "../support/registry.ts";

// Who may ask the registry what, and what it makes of those who may not.

const path = "/_geerpc_/registry";
const reader = "reads-everything-0001";
const foo = "writes-foo-in-ten-0002";
const all = "writes-everything-0003";
const tokens = parseTokens(`${reader} read
${foo} write services=Foo addresses=10.0.0.0/8
${all} write`);

interface Asked {
  readonly method?: string;
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly at?: string;
  readonly source?: string;
}

interface SetUp {
  readonly clock: FakeClock;
  readonly directory: LocalDirectory;
  readonly routes: RegistryRoutes;
  readonly lines: string[];
  ask(asked: Asked): Promise<Response>;
  /** Status and code of an answer. */
  code(asked: Asked): Promise<string>;
}

function setUp(options: Partial<RegistryRoutesOptions> = { tokens }): SetUp {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const directory = new LocalDirectory({ clock, log, store: new MemoryStore() });
  const routes = createRegistryRoutes({
    directory,
    clock,
    log,
    allowLoopback: false,
    random: () => 0,
    ...options,
  });
  lines.length = 0;
  const ask = ({ method = "GET", token, headers = {}, body, at = path, source }: Asked) => {
    const sent = new Headers(headers);
    if (token !== undefined) sent.set("authorization", `Bearer ${token}`);
    if (body !== undefined && !sent.has("content-type"))
      sent.set("content-type", "application/json");
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const init = { method, headers: sent, ...(text !== undefined && { body: text }) };
    const request = new Request(`http://r${at}`, init);
    return routes.answer(request, { sourceAddress: source ?? "10.0.0.9" });
  };
  const code = async (asked: Asked): Promise<string> => {
    const answer = await ask(asked);
    const text = await answer.text();
    const json = answer.headers.get("content-type") === "application/json";
    const word = json ? JSON.parse(text).error?.code : text.split(" ", 1)[0]?.trim();
    return `${answer.status} ${word ?? ""}`.trim();
  };
  return { clock, directory, routes, lines, ask, code };
}

const instance = announcement({ address: parseAddress("tcp@10.0.0.1:4000") });
const wantsJson = { accept: "application/json" };
const header = { "x-geerpc-server": "tcp@10.0.0.2:1" };
const beat = { id: idOf("a"), secret: idOf("0"), revision: 1 };

/** What can be asked, and how. */
const requests: Readonly<Record<string, Asked>> = {
  "GeeRPC's list": {},
  "the list": { headers: wantsJson },
  "a watch": { headers: wantsJson, at: `${path}?after=0-0&wait=60s` },
  "GeeRPC's beat": { method: "POST", headers: header },
  "a beat without anything": { method: "POST" },
  "a registration": { method: "POST", body: { instance } },
  "a beat": { method: "POST", body: beat },
  "a withdrawal": { method: "DELETE", body: beat },
};

const outcomes: Readonly<Record<string, readonly [none: string, read: string, write: string]>> = {
  "GeeRPC's list": ["401 UNAUTHENTICATED", "200", "200"],
  "the list": ["401 UNAUTHENTICATED", "200", "200"],
  "a watch": ["401 UNAUTHENTICATED", "200", "200"],
  "GeeRPC's beat": ["401 UNAUTHENTICATED", "403 PERMISSION_DENIED", "200"],
  "a beat without anything": ["401 UNAUTHENTICATED", "403 PERMISSION_DENIED", "500 the"],
  "a registration": ["401 UNAUTHENTICATED", "403 PERMISSION_DENIED", "200"],
  "a beat": ["401 UNAUTHENTICATED", "403 PERMISSION_DENIED", "404 NOT_FOUND"],
  "a withdrawal": ["401 UNAUTHENTICATED", "403 PERMISSION_DENIED", "404 NOT_FOUND"],
};

test.each(Object.entries(requests))(
  "%s needs a token, and a write one that writes",
  async (name, asked) => {
    const [none, read, write] = outcomes[name] ?? ["", "", ""];
    const { code, directory } = setUp();
    for (const token of [undefined, "x", `${all}x`, "x".repeat(3_000)]) {
      expect(await code({ ...asked, token })).toBe(none);
    }
    expect(await code({ ...asked, token: reader })).toBe(read);
    expect(directory.list()).toEqual([]);
    expect(await code({ ...asked, token: all })).toBe(write);
  },
);

test("what asks for a token says so, and what is wrong with one is not told", async () => {
  const { ask } = setUp();
  for (const asked of Object.values(requests)) {
    for (const authorization of [
      "Basic abc",
      `bearer ${all} ${all}`,
      `Bearer ${all}, Bearer ${all}`,
    ]) {
      const answer = await ask({ ...asked, headers: { ...asked.headers, authorization } });
      expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    }
  }
});

test("probes need no token, and what is not here is not here for anybody", async () => {
  const { code, clock } = setUp();
  expect(await code({ at: "/livez" })).toBe("200 ok");
  expect(await code({ at: "/readyz" })).toBe("503 warming:");
  await clock.advance(9_000);
  expect(await code({ at: "/readyz" })).toBe("200 ok");
  expect(await code({ at: "/" })).toBe("404 NOT_FOUND");
  expect(await code({ at: "/metrics", method: "POST" })).toBe("404 NOT_FOUND");
});

test.each(["OPTIONS", "HEAD", "PUT", "PATCH"])(
  "%s is a 405, with or without a token, and says what there is",
  async (method) => {
    const { ask } = setUp();
    // What a browser asks before it lets a page write.
    const headers = {
      origin: "https://evil.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,x-geerpc-server,authorization",
    };
    for (const token of [undefined, all]) {
      const answer = await ask({ method, headers, token });
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, POST, DELETE"]);
    }
  },
);

test("no answer ever lets a page of another origin read it", async () => {
  const { ask } = setUp();
  const methods = ["OPTIONS", "HEAD", "PUT"].map((method): Asked => ({ method }));
  for (const asked of [...Object.values(requests), ...methods, { at: "/livez" }, { at: "/x" }]) {
    for (const token of [undefined, reader, all]) {
      const headers = { ...asked.headers, origin: "http://localhost:9999" };
      const answer = await ask({ ...asked, headers, token });
      const names = [...answer.headers.keys()];
      expect(
        names.filter((name) => /^(access-control|cross-origin|timing-allow)/.test(name)),
      ).toEqual([]);
    }
  }
});

test("a token writes what it may, and the rest is named, with a line for the operator", async () => {
  const { ask, directory, lines } = setUp();
  const register = (changes: object) => {
    const body = { instance: { ...instance, ...changes } };
    return ask({ method: "POST", token: foo, body });
  };
  expect((await register({})).status).toBe(200);
  expect(lines).toEqual([expect.stringContaining("info member joined")]);
  lines.length = 0;

  const payments = await register({ id: idOf("b"), services: ["Foo", "Payments"] });
  expect([payments.status, await payments.json()]).toEqual([
    403,
    { error: { code: "PERMISSION_DENIED", message: "this token may not register Payments" } },
  ]);
  const elsewhere = await register({ id: idOf("b"), address: "tcp@192.0.2.1:80" });
  expect([elsewhere.status, await elsewhere.json()]).toEqual([
    403,
    {
      error: {
        code: "PERMISSION_DENIED",
        message: "this token may not register at tcp@192.0.2.1:80",
      },
    },
  ]);
  const nameless = await ask({ method: "POST", token: foo, headers: header });
  expect([nameless.status, await nameless.text()]).toEqual([
    403,
    "PERMISSION_DENIED this token may not register a peer that names no services\n",
  ]);
  expect(directory.list()).toHaveLength(1);
  const said = (why: string): string =>
    `warn registry write refused method=POST source=10.0.0.9 token="line 2" why="${why}"`;
  expect(lines).toEqual([
    said("this token may not register Payments"),
    said("this token may not register at tcp@192.0.2.1:80"),
    said("this token may not register a peer that names no services"),
  ]);
});

test("every write that may not be is a line, and no line has a token or a secret", async () => {
  const { ask, lines, directory } = setUp();
  const secret = "5ec4e7".repeat(5);
  const { id } = await directory.put(instance, undefined);
  lines.length = 0;
  const own = { id, secret, revision: 1 };
  await ask({ method: "POST", body: { instance } });
  await ask({ method: "POST", token: `${all}x`, headers: header });
  await ask({ method: "POST", token: reader, body: own });
  await ask({ method: "DELETE", token: all, body: own, source: "10.9.9.9" });
  const refused = "warn registry write refused method=";
  expect(lines).toEqual([
    `${refused}POST source=10.0.0.9 why="this registry asks for a bearer token"`,
    `${refused}POST source=10.0.0.9 why="this registry knows no such bearer token"`,
    `${refused}POST source=10.0.0.9 token="line 1" why="this token may read, and write nothing"`,
    `${refused}DELETE source=10.9.9.9 token="line 3" why="instance ${id} is registered with another secret"`,
  ]);
  lines.length = 0;
  await ask({ headers: wantsJson });
  await ask({ method: "POST", token: all, body: "{" });
  expect(lines).toEqual([]);
});

test("an address that another token's instance has is a 409 that says so, and a line in the log", async () => {
  const { ask, directory, lines } = setUp();
  expect((await ask({ method: "POST", token: foo, body: { instance } })).status).toBe(200);
  lines.length = 0;
  const evil = { ...instance, id: idOf("e"), services: ["Evil"] };
  const answer = await ask({ method: "POST", token: all, body: { instance: evil } });
  expect(answer.status).toBe(409);
  const said: unknown = await answer.json();
  const why = `tcp@10.0.0.1:4000 is the address of instance ${instance.id}, which was registered`;
  expect(said).toMatchObject({
    error: { code: "FAILED_PRECONDITION", message: expect.stringContaining(why) },
  });
  expect(lines).toEqual([
    expect.stringContaining(
      `warn registry write refused method=POST source=10.0.0.9 token="line 3" why="${why}`,
    ),
  ]);
  expect(directory.list()).toMatchObject([{ id: instance.id, services: ["Foo"], state: "up" }]);
});

test("without tokens who speaks from an address has it, and who had it is told", async () => {
  const { ask, directory } = setUp({ tokens: undefined });
  const first = await ask({ method: "POST", body: { instance, secret: idOf("5") } });
  expect(first.status).toBe(200);
  const next = { ...instance, id: idOf("e") };
  expect((await ask({ method: "POST", body: { instance: next } })).status).toBe(200);
  const lost = await ask({ method: "POST", body: { instance, secret: idOf("5") } });
  const message = `instance ${idOf("e")} has taken the address tcp@10.0.0.1:4000 of instance ${instance.id}`;
  expect(lost.status).toBe(409);
  expect(await lost.json()).toEqual({ error: { code: "FAILED_PRECONDITION", message } });
  expect(directory.list()).toMatchObject([{ state: "left" }, { id: idOf("e"), state: "up" }]);
});

test("a header-only registration that makes no sense is a line in the log: nobody reads its answer", async () => {
  const { ask, lines } = setUp();
  const post = (address: string): Promise<Response> =>
    ask({ method: "POST", token: all, headers: { "x-geerpc-server": address } });
  expect((await post("grpc@10.0.0.1:7001")).status).toBe(400);
  expect((await post("tcp@169.254.169.254:80")).status).toBe(400);
  const refused = 'warn registry write refused method=POST source=10.0.0.9 token="line 3" why=';
  expect(lines).toEqual([
    expect.stringContaining(`${refused}"malformed address`),
    expect.stringContaining(`${refused}"nobody can be sent to tcp@169.254.169.254:80`),
  ]);
});

test("nothing of a body is read before it is known whose it is", async () => {
  const { ask, routes } = setUp();
  const body = new ReadableStream({
    pull() {
      throw new Error("it was read");
    },
  });
  const headers = { "content-type": "application/json" };
  for (const token of ["x", reader]) {
    const authorization = `Bearer ${token}`;
    const init = { method: "POST", headers: { ...headers, authorization }, body };
    const answer = await routes.answer(new Request(`http://r${path}`, init), {
      sourceAddress: undefined,
    });
    expect([401, 403]).toContain(answer.status);
  }
  expect((await ask({ method: "POST", token: all, body: { instance } })).status).toBe(200);
});

test("a token's writes under way are bounded, and an end gives its place back", async () => {
  const { clock, routes, code } = setUp();
  const stuck = (): Promise<Response> => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${all}` };
    const init = { method: "POST", headers, body: new ReadableStream() };
    return routes.answer(new Request(`http://r${path}`, init), { sourceAddress: undefined });
  };
  const held = Array.from({ length: limits.maxWritesPerToken }, stuck);
  const write = { method: "POST", body: { instance } };
  expect(await code({ ...write, token: all })).toBe("429 RESOURCE_EXHAUSTED");
  expect(await code({ ...write, token: foo })).toBe("200");
  expect(await code({ token: all })).toBe("200");
  await clock.advance(limits.registryBodyMs);
  const late = await Promise.all(held);
  expect(new Set(late.map(({ status }) => status))).toEqual(new Set([408]));
  expect(late[0]?.headers.get("connection")).toBe("close");
  expect(await code({ method: "DELETE", body: beat, token: all })).toBe("403 PERMISSION_DENIED");
});

test("as many instances as a token may have, and then a 429", async () => {
  const { code, ask } = setUp();
  const register = (n: number, token = all): Asked => ({
    method: "POST",
    token,
    body: {
      instance: {
        ...instance,
        id: n.toString(16).padStart(32, "0"),
        address: `tcp@10.1.${n >> 8}.${n & 255}:1`,
      },
    },
  });
  for (let n = 0; n < limits.maxInstancesPerToken; n++) await ask(register(n));
  expect(await code(register(0xffff))).toBe("429 RESOURCE_EXHAUSTED");
  expect(await code({ method: "POST", token: all, headers: header })).toBe(
    "429 RESOURCE_EXHAUSTED",
  );
  expect(await code(register(0xffff, foo))).toBe("200");
});

test.each([
  [undefined, "200"],
  ["localhost:9999", "200"],
  ["127.0.0.1:9999", "200"],
  ["registry.internal:9999", "200"],
  ["evil.example:9999", "421 PERMISSION_DENIED"],
  ["", "421 PERMISSION_DENIED"],
  ["localhost, evil.example", "421 PERMISSION_DENIED"],
])("asked for as %p it answers %s, whatever is asked", async (host, expected) => {
  const { code, lines } = setUp({ hosts: ["registry.internal"] });
  const headers = host === undefined ? {} : { host };
  expect(await code({ headers })).toBe(expected);
  expect(await code({ headers: { ...headers, ...wantsJson } })).toBe(expected);
  if (expected === "200") return;
  for (const method of ["OPTIONS", "PUT"]) expect(await code({ method, headers })).toBe(expected);
  expect(await code({ at: "/livez", headers })).toBe(expected);
  expect(await code({ method: "POST", headers: { ...headers, ...header } })).toBe(expected);
  expect(lines).toEqual([]);
});

test.each([
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "application/cbor",
])("a body of type %s is a 415, as that of a form on a page would be", async (type) => {
  const { code, directory } = setUp({});
  const headers = { "content-type": type };
  const body = JSON.stringify({ instance });
  const answer = "415 INVALID_ARGUMENT";
  expect(await code({ method: "POST", headers, body })).toBe(answer);
  expect(await code({ method: "DELETE", headers, body })).toBe(answer);
  expect(
    await code({ method: "POST", headers: { "content-type": `${type}; application/json` }, body }),
  ).toBe(answer);
  expect(await code({ method: "DELETE" })).toBe("405 UNIMPLEMENTED");
  expect(await code({ method: "POST" })).toBe("500 the");
  expect(directory.list()).toEqual([]);
});

const addresses: readonly (readonly [all: readonly string[], strict: number, lax: number])[] = [
  [malformed, 400, 400],
  [behindHttp, 400, 400],
  [forbidden, 400, 400],
  [unspecified, 400, 400],
  [ownMachine, 403, 200],
  [fine, 200, 200],
];

test.each([false, true])(
  "over 300 addresses get what they deserve, from instances and headers, loopback allowed: %p",
  async (allowLoopback) => {
    const { ask, directory } = setUp({ allowLoopback });
    const wrong: string[] = [];
    let count = 0;
    for (const [texts, strict, lax] of addresses) {
      for (const address of texts) {
        count += 1;
        const expected = allowLoopback ? lax : strict;
        const id = count.toString(16).padStart(32, "0");
        const json = await ask({
          method: "POST",
          body: { instance: { ...instance, id, address } },
        });
        if (json.status !== expected) wrong.push(`${JSON.stringify(address)}: ${json.status}`);
        // What no header can carry, and what HTTP would trim, is not asked in one.
        if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(address)) continue;
        if (unspecified.includes(address)) continue;
        const plain = await ask({ method: "POST", headers: { "x-geerpc-server": address } });
        const inHeader = behindHttp.includes(address) ? 200 : expected;
        if (plain.status !== inHeader) wrong.push(`${address} in a header: ${plain.status}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(300);
    const listed = directory.addresses();
    expect(listed.filter((address) => /[,\s]/.test(address))).toEqual([]);
    const answer = await ask({});
    expect(answer.headers.get("x-geerpc-servers")).toBe(listed.join(","));
  },
);

test("unknown fields are nobody's business", async () => {
  const { ask, directory } = setUp({});
  const more = { future: { a: [1] }, constructor: 1, toString: null };
  const text = JSON.stringify({ ...more, instance: { ...instance, ...more } });
  const body = text.replace(/^\{/, '{"__proto__":{"secret":"x","instance":null},');
  const answer = await ask({ method: "POST", body });
  const { secret, id } = Object(await answer.json());
  expect([answer.status, id]).toEqual([200, idOf("a")]);
  expect(directory.announced(id)).not.toContainKeys(["future"]);
  const renewed = await ask({ method: "POST", body: { id, secret, revision: 1, ...more } });
  expect(renewed.status).toBe(200);
  const left = await ask({ method: "DELETE", body: { id, secret, revision: 2, ...more } });
  expect(left.status).toBe(200);
});

test("no forged id or secret does anything to an instance", async () => {
  const { ask, code, directory } = setUp({});
  const answer = await ask({ method: "POST", body: { instance } });
  const { id, secret } = Object(await answer.json());
  await ask({ method: "POST", body: { id, secret, revision: 1 } });
  const before = JSON.stringify(directory.announced(id));

  const flipped = `${secret.slice(0, -1)}${secret.endsWith("0") ? "1" : "0"}`;
  const text = [flipped, secret.slice(0, -1), `${secret}0`, secret.toUpperCase(), " ", "\\u0000"];
  for (const forged of text.filter((one) => one !== secret)) {
    const shown = { id, secret: forged, revision: 1 };
    const moved = { ...instance, address: "tcp@10.6.6.6:1", revision: 9 };
    for (const [method, body] of [
      ["POST", { ...shown, weight: 0 }],
      ["DELETE", shown],
      ["POST", { instance: moved, secret: forged }],
    ] as const) {
      expect(await code({ method, body })).toBe("403 PERMISSION_DENIED");
    }
  }
  for (const forged of ["", "x".repeat(65), "\u0000", "é", null, 1, true, {}, [], [secret]]) {
    for (const method of ["POST", "DELETE"]) {
      const body = { id, secret: forged, revision: 1 };
      expect(await code({ method, body })).toBe("400 INVALID_ARGUMENT");
    }
  }
  for (const forged of [
    "",
    "A".repeat(32),
    "a".repeat(31),
    "a".repeat(33),
    "../a",
    "*",
    null,
    1,
    {},
    [id],
  ]) {
    for (const body of [
      { id: forged, secret, revision: 1 },
      { instance: { ...instance, id: forged }, secret },
    ]) {
      expect(await code({ method: "POST", body })).toBe("400 INVALID_ARGUMENT");
    }
    expect(await code({ method: "DELETE", body: { id: forged, secret } })).toBe(
      "400 INVALID_ARGUMENT",
    );
  }
  expect(await code({ method: "POST", body: { id: idOf("f"), secret, revision: 1 } })).toBe(
    "404 NOT_FOUND",
  );
  expect(JSON.stringify(directory.announced(id))).toBe(before);
  expect(directory.list()).toMatchObject([{ id, state: "up" }]);
});
