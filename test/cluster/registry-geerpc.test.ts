import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { eventually } from "../support/cluster.ts";
import { exchange, registryPath } from "../support/raw-http.ts";
import { RegistryScene } from "./registry-scene.ts";

// GeeRPC's own peers, in Go, by the bytes that its net/http sends and answers with.

/** What `http.NewRequest("POST", registry, nil)` sends with its one header. */
const goBeat = (host: string, address: string): string =>
  `POST ${registryPath} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 0\r\n` +
  `X-Geerpc-Server: ${address}\r\nAccept-Encoding: gzip\r\n\r\n`;

/** What `http.Get(registry)` sends. */
const goGet = (host: string): string =>
  `GET ${registryPath} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n`;

/** The answer's first line, and the servers that Go's client makes of it. */
async function ask(url: string, bytes: string): Promise<{ status: string; servers: string[] }> {
  const [status = "", ...headers] = (await exchange({ url }, bytes)).split("\r\n");
  // Canonical, as Go looks it up; strings.Split and a TrimSpace follow there.
  const [, list = ""] = /^X-Geerpc-Servers: (.*)$/m.exec(headers.join("\n")) ?? [];
  return { status, servers: list.split(",").filter((server) => server.trim() !== "") };
}

test("a Go server and a Go client use our registry beside ours", async () => {
  await using scene = await RegistryScene.create();
  const { url, host } = await scene.registry("127.0.0.1:0", ["--old-lease", "1s"]);
  const [ours] = await scene.servers(1, url);
  const listed = async (): Promise<string[]> => (await ask(url, goGet(host))).servers;
  expect(await listed()).toEqual([ours?.said.address ?? "nobody"]);

  const beat = (address: string): ReturnType<typeof ask> => ask(url, goBeat(host, address));
  expect((await beat("tcp@[::]:33833")).status).toBe("HTTP/1.1 200 OK");
  const beating = setInterval(() => void beat("tcp@[::]:33833"), 300);
  try {
    expect((await beat("tcp@10.0.0.1:7001")).status).toBe("HTTP/1.1 200 OK");
    expect((await beat("")).status).toStartWith("HTTP/1.1 500 ");
    const all = ["tcp@10.0.0.1:7001", "tcp@[::]:33833", ours?.said.address ?? "nobody"];
    // Sorted, as round robin over it wants.
    expect(await listed()).toEqual(all.toSorted());
    const table = await scene.gee("list", "--registry", url, "--json");
    expect(JSON.parse(table.stdout)).toMatchObject([
      { service: "?", instances: 2, suspect: 0 },
      { service: "Work", instances: 1 },
    ]);
    // The one that beats no more goes when its lease is over, as in Go: no suspect in between.
    await eventually(async () => (await listed()).length === 2, "one that is gone");
    expect(await listed()).toEqual(all.toSorted().filter((address) => !address.includes("7001")));
    expect((await ask(url, goGet(host).replace("GET", "PUT"))).status).toStartWith("HTTP/1.1 405 ");
  } finally {
    clearInterval(beating);
  }
}, 20_000);

test("a Go server behind HTTP is found by Go clients, shown by gee list, and called by no gee client", async () => {
  await using scene = await RegistryScene.create();
  const { url, host } = await scene.registry();
  const asked: string[] = [];
  using behind = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: () => void asked.push("open"), data() {} },
  });
  const address = `http@127.0.0.1:${behind.port}`;
  expect((await ask(url, goBeat(host, address))).status).toBe("HTTP/1.1 200 OK");
  expect((await ask(url, goGet(host))).servers).toEqual([address]);
  const { stdout } = await scene.gee("list", "--registry", url, "--json");
  expect(JSON.parse(stdout)).toMatchObject([{ service: "?", addresses: [address] }]);
  const call = await scene.gee("call", "Foo.Sum", "1", "2", "--registry", url, "--timeout", "5s");
  expect([call.code, call.stdout]).toEqual([78, ""]);
  expect(call.stderr).toContain("no server of Foo is registered");
  const [ours] = await scene.servers(1, url);
  expect((await ask(url, goGet(host))).servers).toEqual([address, ours?.said.address ?? ""]);
  expect(await scene.client(url).call("Work.Do", [1, 1])).toBeDefined();
  expect(asked).toEqual([]);
}, 20_000);

/** GeeRPC's registry: it reads headers alone, answers with headers alone, and forgets nothing here. */
class GoRegistry implements Disposable {
  readonly #alive: Set<string> = new Set();
  readonly #listener: Bun.TCPSocketListener<{ text: string }>;
  readonly requests: string[] = [];

  constructor() {
    this.#listener = Bun.listen<{ text: string }>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => void (socket.data = { text: "" }),
        data: (socket, chunk) => {
          socket.data.text += chunk.toString();
          for (;;) {
            const { text } = socket.data;
            const end = text.indexOf("\r\n\r\n") + 4;
            const [, length = "0"] = /^content-length: *(\d+)/im.exec(text.slice(0, end)) ?? [];
            if (end < 4 || text.length < end + Number(length)) return;
            socket.data.text = text.slice(end + Number(length));
            socket.write(this.#answer(text.slice(0, end)));
          }
        },
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  #answer(head: string): string {
    const [method = ""] = head.split(" ", 1);
    this.requests.push(method);
    const date = "Date: Mon, 23 Nov 2026 16:00:00 GMT\r\nContent-Length: 0\r\n\r\n";
    if (method === "GET") {
      const servers = [...this.#alive].toSorted().join(",");
      return `HTTP/1.1 200 OK\r\nX-Geerpc-Servers: ${servers}\r\n${date}`;
    }
    if (method !== "POST") return `HTTP/1.1 405 Method Not Allowed\r\n${date}`;
    const [, address = ""] = /^x-geerpc-server: *(\S*)/im.exec(head) ?? [];
    if (address === "") return `HTTP/1.1 500 Internal Server Error\r\n${date}`;
    this.#alive.add(parseAddress(address));
    return `HTTP/1.1 200 OK\r\n${date}`;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

test("our servers and clients use a Go registry", async () => {
  await using scene = await RegistryScene.create();
  using registry = new GoRegistry();
  const [one, two] = await scene.servers(2, registry.url);
  const at = ["--registry", registry.url];
  const listed = await scene.gee("list", "?", ...at, "--json");
  const addresses = [one, two].map((server) => server?.said.address ?? "nobody");
  expect(JSON.parse(listed.stdout)).toMatchObject(
    addresses.toSorted().map((address) => ({ id: null, address, state: "up" })),
  );
  // What they serve is known only from their hello.
  expect(await scene.gee("call", "Work.Do", "x", "0", ...at)).toEqual({
    code: 0,
    stdout: '"x"\n',
    stderr: "",
  });
  const nobody = await scene.gee("call", "Absent.Do", "x", ...at);
  expect(nobody.code).toBe(76);
  const gee = scene.client(registry.url);
  const load = scene.load(4, gee);
  await load.more(50);
  // It is killed in its time: the client goes on with the other one.
  one?.signal("SIGTERM");
  expect(await one?.exited).toBe(0);
  await load.more(200);
  await load.stop();
  expect(load.failed).toEqual([]);
  // It cannot be watched, and no server can leave it.
  expect(new Set(registry.requests)).toEqual(new Set(["GET", "POST"]));
  expect(one?.errors()).not.toContain("could not withdraw");
}, 20_000);
