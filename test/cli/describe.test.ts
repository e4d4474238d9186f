import { expect, test } from "bun:test";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { runDescribe } from "../../src/cli/describe.ts";
import { serveRegistry } from "../../src/index.ts";
import { describedFoo, fooContract } from "../support/described-foo.ts";
import { folder } from "../support/folder.ts";
import { keptOutput } from "../support/output.ts";

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function describe(...words: readonly string[]): Promise<Said> {
  const invocation = parseArguments(["describe", ...words], {});
  if (invocation.kind !== "describe") throw new Error("it is no description");
  const { output, stdout, stderr } = keptOutput({ json: words.includes("--json") });
  const code = await runDescribe(invocation, output);
  return { code, stdout: stdout(), stderr: stderr() };
}

test("a method is described as its server has it", async () => {
  await using running = await describedFoo();
  const { code, stdout, stderr } = await describe("Foo.Sum", "--registry", running.url);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout.split("\n")).toEqual([
    "Foo.Sum(a: number, b: number): number",
    "  Adds two numbers.",
    expect.stringMatching(
      /^ {2}timeout 500ms {3}idempotent {3}3 at once {3}1 instance {3}contract [0-9a-f]{6}$/,
    ),
    `  gee call Foo.Sum 1 2 --registry ${running.url}`,
    "",
  ]);
});

test("a service is described with all its methods, at an address too", async () => {
  await using running = await describedFoo();
  const address = running.servers[0]?.address ?? "";
  const { code, stdout, stderr } = await describe("Foo", "--address", address);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toStartWith("Foo   6 methods   contract ");
  const signatures = stdout.split("\n").filter((line) => line.startsWith("Foo."));
  expect(signatures).toEqual([
    "Foo.Sum(a: number, b: number): number",
    "Foo.Count(to: number): AsyncIterable<number>",
    "Foo.Total(numbers: AsyncIterable<number>): number",
    "Foo.Save(user: User): string",
    "Foo.At(when: Date): number",
    "Foo.Odd(what: unknown): number",
  ]);
  expect(stdout).toContain("args[0] (what) is unknown, and not checked: it is any");
  expect(stdout).toContain("a command line cannot: args[0] (when): expected Date");
});

test("every example that is printed works when it is copied", async () => {
  await using running = await describedFoo();
  await using place = await folder();
  const main = join(import.meta.dir, "../../src/main.ts");
  const { stdout } = await describe("Foo", "--registry", running.url);
  const lines = stdout.split("\n").filter((line) => /\bgee call /.test(line));
  expect(lines).toHaveLength(5);
  const script = [`gee() { "${process.execPath}" "${main}" "$@"; }`, ...lines].join("\n");
  const child = Bun.spawn(["sh", "-c", script], {
    cwd: place.path,
    env: { PATH: process.env.PATH },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(printed).toEqual([`3\n1\n3\n"it's $(me)"\nnull\n`, ""]);
});

test("of instances with several contracts, the one is described that most have", async () => {
  const other = { ...fooContract, methods: fooContract.methods.slice(0, 1) };
  await using running = await describedFoo([other, fooContract, fooContract]);
  const { stdout } = await describe("Foo", "--registry", running.url);
  expect(stdout).toStartWith("Foo   6 methods   3 instances, 1 with another contract   contract ");
  const json = await describe("Foo", "--registry", running.url, "--json");
  const { contracts, instances, hash } = JSON.parse(json.stdout);
  expect([instances, contracts.map((one: { instances: number }) => one.instances)]).toEqual([
    3,
    [2, 1],
  ]);
  expect(contracts[0].hash).toBe(hash);
});

test("programs get everything, the contract included", async () => {
  await using running = await describedFoo();
  const { code, stdout, stderr } = await describe("Foo.Save", "--registry", running.url, "--json");
  expect([code, stderr]).toEqual([0, ""]);
  const hash = expect.stringMatching(/^[0-9a-f]{16}$/);
  expect(JSON.parse(stdout)).toEqual({
    service: "Foo",
    hash,
    instances: 1,
    contracts: [{ hash, instances: 1 }],
    methods: [
      {
        method: "Foo.Save",
        hash,
        idempotent: false,
        answersStream: false,
        checked: true,
        signatures: ["Foo.Save(user: User): string"],
        example: `gee call Foo.Save '{"name":"it'\\''s $(me)"}' --registry ${running.url}`,
      },
    ],
    contract: {
      ...fooContract,
      methods: fooContract.methods.filter(({ name }) => name === "Save"),
    },
  });
});

test("a method, or each of a service, is JSON Schema", async () => {
  await using running = await describedFoo();
  const one = await describe("Foo.Sum", "--registry", running.url, "--json-schema");
  expect(JSON.parse(one.stdout)).toMatchObject({
    title: "Foo.Sum",
    parameters: { type: "array", minItems: 2 },
  });
  const words = ["Foo", "--registry", running.url, "--json-schema"];
  const all = JSON.parse((await describe(...words)).stdout);
  expect(Object.keys(all)).toEqual(fooContract.methods.map(({ name }) => `Foo.${name}`));
  expect(JSON.parse((await describe(...words, "--json")).stdout)).toEqual(all);
});

test("what every server has of its own is described, too", async () => {
  await using running = await describedFoo();
  const { code, stdout } = await describe("gee.Health.Check", "--registry", running.url);
  expect(code).toBe(0);
  expect(stdout).toStartWith("gee.Health.Check(service?: string): HealthState\n");
  expect(stdout).toContain(`  gee call gee.Health.Check --registry ${running.url}`);
});

test("what is not there ends as gee call does, with what was likely meant", async () => {
  await using running = await describedFoo();
  const { url, servers } = running;
  const address = servers[0]?.address ?? "";
  const noMethod = {
    code: 76,
    stdout: "",
    stderr: "error: UNIMPLEMENTED  Foo has no method Sun\nhint: did you mean Foo.Sum?\n",
  };
  expect(await describe("Foo.Sun", "--registry", url)).toEqual(noMethod);
  expect(await describe("Foo.Sun", "--address", address)).toEqual(noMethod);
  expect((await describe("Foo.sum", "--registry", url)).stderr).toContain("did you mean Foo.Sum?");
  expect(await describe("Fo", "--registry", url)).toEqual({
    code: 78,
    stdout: "",
    stderr: "error: UNAVAILABLE  no server of Fo is registered\nhint: did you mean Foo?\n",
  });
  expect(await describe("Fo", "--address", address)).toEqual({
    code: 76,
    stdout: "",
    stderr: "error: UNIMPLEMENTED  there is no service Fo\nhint: did you mean Foo?\n",
  });
  const json = await describe("Foo.Sun", "--registry", url, "--json");
  expect(json).toMatchObject({ code: 76, stdout: "" });
  expect(JSON.parse(json.stderr)).toMatchObject({
    error: { code: "UNIMPLEMENTED", reason: "NO_SUCH_METHOD", hint: "did you mean Foo.Sum?" },
  });
});

test("without a registry, or in time, it is no description", async () => {
  const registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  await registry[Symbol.asyncDispose]();
  const gone = await describe("Foo", "--registry", registry.url, "--timeout", "2s");
  expect(gone.code).toBe(78);
  expect(gone.stderr).toContain("gee registry");
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const url = `http://127.0.0.1:${silent.port}`;
  expect(await describe("Foo", "--registry", url, "--timeout", "20ms")).toEqual({
    code: 68,
    stdout: "",
    stderr: "error: DEADLINE_EXCEEDED  no answer within 20ms\n",
  });
});
