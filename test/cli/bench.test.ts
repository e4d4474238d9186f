import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { runBench } from "../../src/cli/bench.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { connect, GeeError, serve, serveRegistry, type Server } from "../../src/index.ts";
import { until } from "../support/clock.ts";
import { folder } from "../support/folder.ts";
import { keptOutput, type KeptOutputOptions } from "../support/output.ts";

class Odd {
  calls = 0;

  /** Stands still from the 100th call on until somebody releases it. */
  readonly gate: PromiseWithResolvers<void> = Promise.withResolvers();

  async Stalls(): Promise<number> {
    if (++this.calls >= 100) await this.gate.promise;
    return this.calls;
  }

  Tenth(): number {
    if (++this.calls % 10 === 0) throw new GeeError("NOT_FOUND", "the tenth");
    return this.calls;
  }

  Never(): never {
    throw new GeeError("ABORTED", "never");
  }

  Refuses(): never {
    throw new GeeError("PERMISSION_DENIED", "not for you");
  }
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  readonly ended: Promise<Ran>;
  stderr(): string;
}

function begin(words: readonly string[], options: KeptOutputOptions = {}): Running {
  const invocation = parseArguments(["bench", "--warmup", "0", ...words], {});
  if (invocation.kind !== "bench") throw new Error("it is no bench");
  const { output, stdout, stderr } = keptOutput(options);
  const ended = runBench(invocation, output).then((code) => ({
    code,
    stdout: stdout(),
    stderr: stderr(),
  }));
  return { ended, stderr };
}

async function bench(words: readonly string[], options: KeptOutputOptions = {}): Promise<Ran> {
  return await begin(words, options).ended;
}

async function start(odd: Odd = new Odd()): Promise<Server> {
  return await serve({ services: { Foo: new Foo(), Odd: odd }, lameDuckMs: 0, log: silentLog });
}

const short = ["--rate", "1000", "--duration", "100ms"];

test("a rate is kept, and every call is in the report", async () => {
  await using server = await start();
  const ran = await bench(["Foo.Sum", "1", "2", ...short, "--address", server.address]);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  const lines = ran.stdout.split("\n");
  expect(lines[0]).toBe("Foo.Sum    open loop, 1,000/s for 100ms");
  expect(lines[1]).toMatch(/^calls +100 ok +0 failed +\d+ late starts$/);
  expect(lines).toContain(`instances  ${server.address} 100`);
  expect(lines).toContain("status     OK 100");
});

test("in JSON it is one line of figures", async () => {
  await using server = await start();
  const words = ["Foo.Sum", "1", "2", "--concurrency", "3", "--duration", "100ms"];
  const ran = await bench([...words, "--address", server.address], { json: true, terminal: true });
  const result = JSON.parse(ran.stdout);
  expect(result).toMatchObject({ method: "Foo.Sum", mode: "closed", concurrency: 3 });
  expect(result.calls.ok).toBeGreaterThan(3);
  expect(result.statuses).toEqual({ OK: result.calls.ok });
  expect(result.instances).toEqual([{ id: null, address: server.address, calls: result.calls.ok }]);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
});

test("on a terminal it shows how it goes, and then bars", async () => {
  await using server = await start();
  const words = ["Foo.Sum", "1", "2", ...short, "--address", server.address];
  const ran = await bench(words, { terminal: true });
  expect(ran.stderr).toStartWith("\r\u001b[KFoo.Sum   the first call");
  expect(ran.stderr).toContain("\r\u001b[KFoo.Sum   [");
  expect(ran.stderr).toEndWith("\r\u001b[K");
  expect(ran.stdout).toMatch(/^ {2}to [\d.]+ms +#+ \d/m);
});

test("the instances of a fleet are told apart", async () => {
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await serveRegistry({ listen: "127.0.0.1:0", log: silentLog }));
  const ids: string[] = [];
  for (let index = 0; index < 2; index++) {
    const server = stack.use(
      await serve({
        services: { Foo: new Foo() },
        registry: registry.url,
        lameDuckMs: 0,
        log: silentLog,
      }),
    );
    await server.registered;
    ids.push(server.id);
  }
  const words = ["Foo.Sum", "1", "2", ...short, "--policy", "round-robin", "--json"];
  const ran = await bench([...words, "--registry", registry.url], { json: true });
  const { instances }: { instances: { id: string; calls: number }[] } = JSON.parse(ran.stdout);
  expect(instances.map(({ id }) => id).sort()).toEqual(ids.sort());
  expect(instances.map(({ calls }) => calls)).toEqual([50, 50]);
});

test("a method that answers with a stream is read to its end", async () => {
  await using server = await start();
  const ran = await bench(["Foo.Count", "5", ...short, "--address", server.address]);
  expect(ran.code).toBe(0);
  expect(ran.stdout).toMatch(/^calls +100 ok .* 500 items$/m);
});

test("failures are counted by code, and one of them is shown", async () => {
  await using server = await start();
  const words = ["Odd.Tenth", ...short, "--address", server.address];
  const ran = await bench([...words, "--max-errors", "10%"]);
  expect(ran.code).toBe(0);
  expect(ran.stdout).toContain("status     OK 90   NOT_FOUND 10\n");
  expect(ran.stderr).toBe("failed     10 NOT_FOUND, such as: the tenth\n");
});

test("limits that are passed are named, and the exit code is 1", async () => {
  await using server = await start();
  const words = ["Odd.Tenth", ...short, "--address", server.address];
  const ran = await bench([...words, "--max-errors", "9.9%", "--max-p99", "1s"]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain(
    "error: OUT_OF_RANGE  10% of the calls failed, more than --max-errors 9.9%\n",
  );
  expect(ran.stderr).not.toContain("p99");
  const slow = await bench(
    ["Foo.Sleep", "0.02", "0", ...short, "--max-p99", "5ms"].concat("--address", server.address),
    { json: true },
  );
  expect(slow.code).toBe(1);
  expect(JSON.parse(slow.stderr).error).toMatchObject({ code: "OUT_OF_RANGE", reason: "MAX_P99" });
});

test("a call that cannot go well is told as gee call tells it, before anything is measured", async () => {
  const odd = new Odd();
  await using server = await start(odd);
  const at = ["--address", server.address];
  const noMethod = await bench(["Foo.Sun", "1", "2", ...short, ...at]);
  expect([noMethod.code, noMethod.stdout]).toEqual([76, ""]);
  expect(noMethod.stderr).toContain("did you mean Foo.Sum?");
  const refused = await bench(["Odd.Refuses", ...short, ...at]);
  expect([refused.code, refused.stdout]).toEqual([71, ""]);
  const nobody = await bench(["Foo.Sum", ...short, "--address", "tcp@127.0.0.1:1"]);
  expect([nobody.code, nobody.stdout]).toEqual([78, ""]);
});

test("when no call went well the exit code is that of the failure", async () => {
  await using server = await start();
  const ran = await bench(["Odd.Never", ...short, "--address", server.address]);
  expect(ran.code).toBe(74);
  expect(ran.stdout).toContain("status     ABORTED 100\n");
  expect(ran.stderr).toEndWith("error: ABORTED  never\n");
});

test("interrupted it prints what there is, and waits for nobody", async () => {
  const odd = new Odd();
  await using server = await start(odd);
  const words = ["Odd.Stalls", "--rate", "1000", "--duration", "1h", "--address", server.address];
  const running = begin(words);
  await until(() => odd.calls > 120, "the stall");
  process.emit("SIGINT");
  const ran = await running.ended;
  odd.gate.resolve();
  expect(ran.code).toBe(130);
  expect(ran.stdout).toMatch(/^Odd\.Stalls open loop, 1,000\/s for 1h, interrupted$/m);
  // Those that were answered before it stalled, but for what had not been read of them.
  expect(ran.stdout).toMatch(/^calls +[5-9]\d ok +0 failed +\d+ late starts +\d+ unfinished$/m);
});

test("an earlier run is read, compared, and refused when it is of something else", async () => {
  await using place = await folder();
  await using server = await start();
  const words = ["Foo.Sum", "1", "2", "--address", server.address, "--duration", "100ms"];
  const first = await bench([...words, "--rate", "500"], { json: true });
  const old = await place.write("old.json", first.stdout);
  const second = await bench([...words, "--rate", "500", "--compare", old]);
  expect(second.code).toBe(0);
  expect(second.stdout).toContain(`compared   with ${old}: now divided by then\n  rate     `);
  const json = await bench([...words, "--rate", "500", "--compare", old], { json: true });
  expect(JSON.parse(json.stdout).compared.ratios[0]).toMatchObject({ figure: "rate" });
  for (const [other, why] of [
    [["--rate", "501", "--compare", old], "is of --rate 500, and this is --rate 501"],
    [["--rate", "500", "--compare", `${old}x`], "cannot read"],
  ] as const) {
    await expect(bench([...words, ...other])).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(why),
    });
  }
});

test("nothing of it stays behind", async () => {
  await using server = await start();
  const count = (): readonly number[] =>
    ["SIGTERM", "SIGINT"].map((event) => process.listenerCount(event));
  const before = count();
  await bench(["Foo.Sum", "1", "2", ...short, "--address", server.address]);
  expect(count()).toEqual(before);
  await until(() => server.connections() === 0, "the end of its connections");
  await using gee = connect({ address: server.address, log: silentLog });
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
});
