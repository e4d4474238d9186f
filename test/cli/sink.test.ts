import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileSink, type Sink } from "../../src/cli/sink.ts";
import { turn, until } from "../support/clock.ts";
import { folder } from "../support/folder.ts";

interface Piped extends AsyncDisposable {
  readonly sink: Sink;
  /** The reader runs its script: it has the pipe as standard input. */
  go(): void;
  /** What it has printed at its end. Closes the sink's side first. */
  read(): Promise<string>;
}

/** A sink into a pipe whose reader takes nothing before it is told to go. */
async function piped(script: string): Promise<Piped> {
  const place = await folder();
  const path = join(place.path, "pipe");
  Bun.spawnSync(["mkfifo", path]);
  const reader = Bun.spawn(["sh", "-c", `exec 3<"${path}"; read go; exec 0<&3 3<&-; ${script}`], {
    stdin: "pipe",
    stdout: "pipe",
  });
  // Returns when the reader has opened its side.
  const fd = openSync(path, "w");
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    sink: fileSink(fd),
    go() {
      reader.stdin.write("\n");
      void reader.stdin.end();
    },
    read() {
      close();
      return new Response(reader.stdout).text();
    },
    async [Symbol.asyncDispose]() {
      close();
      reader.kill("SIGKILL");
      await reader.exited;
      await place[Symbol.asyncDispose]();
    },
  };
}

test("what is written and what is poured comes out in that order", async () => {
  await using pipe = await piped("cat");
  const { sink } = pipe;
  pipe.go();
  const long = "x".repeat(300_000);
  void sink.write("a\n");
  void sink.pour(`${long}\n`);
  void sink.write("b\n");
  await sink.pour("c\n");
  expect(await pipe.read()).toBe(`a\n${long}\nb\nc\n`);
});

test("the process goes on while a reader takes nothing of what is poured", async () => {
  await using pipe = await piped("wc -c");
  let poured = false;
  // More than a pipe holds.
  const pouring = pipe.sink.pour("x".repeat(1_048_576)).then(() => {
    poured = true;
  });
  for (let i = 0; i < 10; i++) await turn();
  expect(poured).toBe(false);
  pipe.go();
  await pouring;
  expect((await pipe.read()).trim()).toBe("1048576");
});

test("a reader that goes away ends the output quietly, also in the midst of it", async () => {
  await using pipe = await piped("head -c 1 >/dev/null");
  const { sink } = pipe;
  const pouring = sink.pour("x".repeat(1_048_576));
  expect(sink.closed).toBe(false);
  pipe.go();
  await pouring;
  expect(sink.closed).toBe(true);
  await sink.pour("more\n");
  await sink.write("more\n");
});

test("any other failure rejects, and does not stand in the way of what follows", async () => {
  const fd = openSync("/dev/full", "w");
  const sink = fileSink(fd);
  const codes: unknown[] = [];
  for (const write of [sink.pour, sink.write]) {
    write("x\n").catch((thrown: unknown) => {
      codes.push(thrown instanceof Error && "code" in thrown ? thrown.code : thrown);
    });
  }
  await until(() => codes.length === 2, "both failures");
  expect(codes).toEqual(["ENOSPC", "ENOSPC"]);
  expect(sink.closed).toBe(false);
  closeSync(fd);
});

test("a file is no terminal", () => {
  const fd = openSync("/dev/null", "w");
  expect(fileSink(fd)).toMatchObject({ terminal: false, columns: 80 });
  closeSync(fd);
});
