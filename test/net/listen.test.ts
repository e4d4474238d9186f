import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEndpoint } from "../../src/base/address.ts";
import { systemClock } from "../../src/base/time.ts";
import { createDial } from "../../src/net/dial.ts";
import { listen } from "../../src/net/listen.ts";
import type { Listener } from "../../src/net/listen.ts";
import type { Link, LinkEvents } from "../../src/wire/link.ts";
import { until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gee-listen-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const deaf: LinkEvents = { data: () => true, drain() {}, closed() {} };

function open(address: string, accepted: Link[] = []): Promise<Listener> {
  return listen(parseEndpoint(address, { anyPort: true }), systemClock, (link) => {
    accepted.push(link);
    return deaf;
  });
}

async function dial(address: string): Promise<Link> {
  let made: Link | undefined;
  await createDial(systemClock)(parseEndpoint(address), { timeoutMs: 2_000 }, (link) => {
    made = link;
    return deaf;
  });
  if (made === undefined) throw new Error("no link");
  return made;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

test("port 0 becomes the port that was found, over IPv4 and IPv6", async () => {
  for (const host of ["127.0.0.1", "[::1]"]) {
    const accepted: Link[] = [];
    const listener = await open(`tcp@${host}:0`, accepted);
    expect(listener.address).toMatch(/:[1-9]\d*$/);
    expect(listener.address).toStartWith(`tcp@${host}:`);
    const link = await dial(listener.address);
    await until(() => accepted.length === 1);
    expect(accepted[0]?.local).toBe(true);
    link.close();
    listener.stop();
  }
});

test("a port in use is said to be, and its owner is not disturbed", async () => {
  const accepted: Link[] = [];
  const listener = await open("tcp@127.0.0.1:0", accepted);
  expect(await failureOf(open(listener.address))).toMatchObject({
    code: "UNAVAILABLE",
    reason: "ADDRESS_IN_USE",
    executed: "no",
  });
  const link = await dial(listener.address);
  await until(() => accepted.length === 1);
  link.close();
  listener.stop();
});

test("a host that is none of this machine's is said to be", async () => {
  expect(await failureOf(open("tcp@192.0.2.1:0"))).toMatchObject({
    code: "UNAVAILABLE",
    reason: "ADDRESS_NOT_AVAILABLE",
  });
});

test("a stopped listener accepts nobody, and those whom it accepted live on", async () => {
  const accepted: Link[] = [];
  const listener = await open("tcp@127.0.0.1:0", accepted);
  const link = await dial(listener.address);
  await until(() => accepted.length === 1);
  listener.stop();
  expect(await failureOf(dial(listener.address))).toMatchObject({ reason: "CONNECT_FAILED" });
  expect(link.write(new Uint8Array(1), 0, 1)).toBe(1);
  link.close();
});

test("a unix socket is its user's alone, and is removed when its listener stops", async () => {
  const path = join(folder, "mode.sock");
  const accepted: Link[] = [];
  const listener = await open(`unix@${path}`, accepted);
  expect(String(listener.address)).toBe(`unix@${path}`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const link = await dial(listener.address);
  await until(() => accepted.length === 1);
  expect(accepted[0]).toMatchObject({ peer: "unix", local: true });
  listener.stop();
  expect(exists(path)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
  link.close();
});

test("a path whose server lives is in use, and that server is not disturbed", async () => {
  const path = join(folder, "live.sock");
  const accepted: Link[] = [];
  const listener = await open(`unix@${path}`, accepted);
  expect(await failureOf(open(`unix@${path}`))).toMatchObject({ reason: "ADDRESS_IN_USE" });
  const before = accepted.length;
  const link = await dial(listener.address);
  await until(() => accepted.length === before + 1);
  link.close();
  listener.stop();
});

test("a socket file that a killed process has left is taken over", async () => {
  const path = join(folder, "stale.sock");
  const script = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } });
    console.log("up");
    setInterval(() => {}, 1_000);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const output = child.stdout.getReader();
  await output.read();
  child.kill("SIGKILL");
  await child.exited;
  expect(exists(path)).toBe(true);
  const accepted: Link[] = [];
  const listener = await open(`unix@${path}`, accepted);
  const link = await dial(listener.address);
  await until(() => accepted.length === 1);
  link.close();
  listener.stop();
});

test("a file that is no socket is left alone", async () => {
  const path = join(folder, "precious.txt");
  writeFileSync(path, "precious");
  expect(await failureOf(open(`unix@${path}`))).toMatchObject({
    reason: "BIND_FAILED",
    message: `cannot listen on ${path}: something that is no socket stands there`,
  });
  expect(await Bun.file(path).text()).toBe("precious");
  rmSync(path);
});

test("a path that somebody else serves by now is not removed", async () => {
  const path = join(folder, "replaced.sock");
  const first = await open(`unix@${path}`);
  rmSync(path);
  const accepted: Link[] = [];
  const second = await open(`unix@${path}`, accepted);
  first.stop();
  expect(exists(path)).toBe(true);
  const link = await dial(second.address);
  await until(() => accepted.length === 1);
  link.close();
  second.stop();
  expect(exists(path)).toBe(false);
});

test("the longest path that a socket may have works as well", async () => {
  for (const length of [106, 107]) {
    const path = join(folder, "x".repeat(length - folder.length - 1));
    expect(path.length).toBe(length);
    const accepted: Link[] = [];
    const listener = await open(`unix@${path}`, accepted);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const link = await dial(listener.address);
    await until(() => accepted.length === 1);
    link.close();
    listener.stop();
    expect(exists(path)).toBe(false);
  }
});

test("a directory that is not there is a failure with its path", async () => {
  const path = join(folder, "missing", "a.sock");
  const error = await failureOf(open(`unix@${path}`));
  expect(error).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  expect(error.message).toContain(path);
});

test("connections that are reset before they are accepted harm nobody", async () => {
  const accepted: Link[] = [];
  const listener = await open("tcp@127.0.0.1:0", accepted);
  const endpoint = parseEndpoint(listener.address);
  if (endpoint.kind !== "tcp") throw new Error("not TCP");
  const script = `
    for (let each = 0; each < 60; each++) {
      await new Promise((resolve) => {
        Bun.connect({ hostname: "127.0.0.1", port: ${endpoint.port}, socket: {
          open(socket) { socket.terminate(); resolve(); }, data() {}, connectError() { resolve(); },
        } }).catch(() => {});
      });
    }`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  // While this loop stands still nothing is accepted, and the resets find connections that wait.
  Bun.sleepSync(600);
  await child.exited;
  const before = accepted.length;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: endpoint.port,
    socket: { data() {} },
  });
  await until(() => accepted.length > before);
  socket.terminate();
  listener.stop();
});
