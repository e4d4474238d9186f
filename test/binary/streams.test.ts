import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  built,
  executable,
  gee,
  type Running,
  start,
  startCommand,
} from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

/** Handlers that say how they end, on the server's stdout. */
const service = `
  import { callContext, GeeError } from "gee";
  export class Odd {
    async *Forever() {
      let given = 0;
      try {
        for (;;) { given++; yield "x".repeat(1_000); }
      } finally {
        console.log("stopped " + given);
      }
    }
    async *Stands() {
      const { signal } = callContext();
      yield 1;
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }
    async *Until(path: string) {
      yield "begun";
      while (!(await Bun.file(path).exists())) await Bun.sleep(5);
      yield "done";
    }
    async *Breaks() { yield 1; yield 2; throw new GeeError("NOT_FOUND", "lost"); }
    async *Double(numbers: AsyncIterable<number>) { for await (const n of numbers) yield 2 * n; }
    async Take(items: AsyncIterable<unknown>) {
      const { signal } = callContext();
      signal.addEventListener("abort", () => console.log("take: " + signal.reason.code));
      for await (const item of items) console.log("took " + item);
    }
    First(items: AsyncIterable<unknown>) { return items[Symbol.asyncIterator]().next().then((r) => r.value); }
  }
`;

describe.skipIf(!built)("streams on the command line", () => {
  const stack = new AsyncDisposableStack();
  let server: Running;
  let env: Readonly<Record<string, string>> = {};
  let place = "";

  beforeAll(async () => {
    const made = stack.use(await folder({ "odd.ts": service }));
    place = made.path;
    server = stack.use(start(["server", "--no-register", `${place}/odd.ts`]));
    const [, address = ""] = await server.says(/^server +(\S+)/m);
    env = { GEE_ADDRESS: address };
  });
  afterAll(() => stack.disposeAsync());

  /** What a shell prints that has the executable as \`$1\`. */
  const shell = async (script: string): Promise<string> => {
    const command = ["bash", "-c", script, "bash", executable];
    await using running = startCommand(command, { env, cwd: place });
    await running.exited;
    return running.stdout() + running.stderr();
  };

  test("the demo service counts and totals", async () => {
    await using demo = start(["server", "--no-register"]);
    const [, address = ""] = await demo.says(/^server +(\S+)/m);
    const at = { env: { GEE_ADDRESS: address } };
    const done = { code: 0, stderr: "" };
    expect(await gee(["call", "Foo.Count", "5"], at)).toEqual({
      ...done,
      stdout: "1\n2\n3\n4\n5\n",
    });
    expect(
      await gee(["call", "Foo.Total", "--stream", "@-"], { ...at, stdin: "1\n2\n3\n" }),
    ).toEqual({ ...done, stdout: "6\n" });
    expect(await gee(["call", "Foo.Total", "--stream", "@-"], { ...at, stdin: "" })).toEqual({
      ...done,
      stdout: "0\n",
    });
    const many = await gee(["call", "Foo.Count", "100000"], at);
    expect(many.stdout).toBe(Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join(""));
  });

  test("on a terminal the items are followed by how many there were", async () => {
    let text = "";
    const child = Bun.spawn([executable, "call", "Odd.Double", "--stream", "@-"], {
      env: { ...env, TERM: "xterm", NO_COLOR: "1" },
      terminal: {
        cols: 80,
        rows: 24,
        data: (terminal, bytes) => {
          text += bytes.toString();
          // Control-D: what was typed is all.
          if (text.endsWith("4\r\n")) terminal.write("\u0004");
        },
      },
    });
    child.terminal?.write("1\n2\n");
    expect(await child.exited).toBe(0);
    child.terminal?.close();
    // Among it is the echo of what was typed.
    expect(text).toMatch(/^2\r$/m);
    expect(text).toMatch(/^4\r\n-> Odd\.Double {2}[\d.]+m?s, 2 items\r\n$/m);
  });

  test("a reader that goes away ends the call, quietly and with 0", async () => {
    expect(await shell('"$1" call Odd.Forever | head -2 | wc -l; echo "${PIPESTATUS[@]}"')).toBe(
      "2\n0 0 0\n",
    );
    await server.says(/^stopped /m);
  });

  test("a reader that does not read slows the handler down, and Ctrl-C is heard all the same", async () => {
    const before = server.stdout();
    const script = `
      mkfifo full
      "$1" call Odd.Forever >full & gee=$!
      exec 3<full
      read -r -N 1 <&3
      sleep 0.3
      kill -INT $gee; wait $gee; echo "exit $?"
    `;
    expect(await shell(script)).toBe("exit 130\nerror: CANCELLED  interrupted by SIGINT\n");
    const stopped = (): number => {
      const [, given = ""] = /^stopped (\d+)$/m.exec(server.stdout().slice(before.length)) ?? [];
      return Number(given);
    };
    await server.says(new RegExp(`^${RegExp.escape(before)}(.*\n)*stopped \\d+$`, "m"));
    // A window that has grown, what waits in the caller, and a pipe: below 8 MB of an endless stream.
    expect(stopped()).toBeGreaterThan(0);
    expect(stopped()).toBeLessThan(8_000);
  });

  test("an error in the midst of a stream comes behind its items", async () => {
    expect(await gee(["call", "Odd.Breaks"], { env })).toEqual({
      code: 69,
      stdout: "1\n2\n",
      stderr: "error: NOT_FOUND  lost\n",
    });
  });

  test("a full disk is told, and ends the call", async () => {
    const text = await shell('"$1" call Odd.Forever >/dev/full; echo $?');
    expect(text).toMatch(/^1\nerror: UNKNOWN {2}.*ENOSPC/);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s ends a stream with %d", async (signal, code) => {
    await using call = start(["call", "Odd.Stands"], { env });
    await call.says(/^1$/m);
    call.kill(signal);
    expect(await call.exited).toBe(code);
    expect(call.stderr()).toBe(`error: CANCELLED  interrupted by ${signal}\n`);
  });

  test("--timeout is for the whole command: a stream, and standard input", async () => {
    const late = await gee(["call", "Odd.Stands", "--timeout", "200ms"], { env });
    expect(late).toMatchObject({ code: 68, stdout: "1\n" });
    const script = `
      mkfifo idle; exec 3<>idle
      "$1" call Odd.Take --data @- --timeout 100ms <&3; echo $?
    `;
    expect(await shell(script)).toBe(
      "68\nerror: DEADLINE_EXCEEDED  --data was not read within 100ms\n",
    );
  });

  test("items go in and come out while standard input is open", async () => {
    const script = `
      mkfifo in out
      "$1" call Odd.Double --stream @- <in >out & gee=$!
      exec 3>in 4<out
      for n in 1 2 3; do echo $n >&3; read -r double <&4; echo "$n $double"; done
      exec 3>&-; wait $gee; echo "exit $?"
    `;
    expect(await shell(script)).toBe("1 2\n2 4\n3 6\nexit 0\n");
  });

  test("a call that is answered does not wait for the rest of standard input", async () => {
    const script = `
      mkfifo open; exec 3<>open; echo 7 >&3
      "$1" call Odd.First --stream @- <&3; echo $?
      yes 8 | "$1" call Odd.First --stream @-; echo "\${PIPESTATUS[1]}"
    `;
    expect(await shell(script)).toBe("7\n0\n8\n0\n");
  });

  test("a line that is wrong is shown with its number, and takes the call back", async () => {
    const script = `
      mkfifo lines
      "$1" call Odd.Take --stream @lines & gee=$!
      exec 3>lines
      echo '"a"' >&3; sleep 0.3; printf '\\n{"b":1,c}\\n' >&3
      wait $gee; echo "exit $?"
    `;
    expect(await shell(script)).toBe(
      [
        "exit 2",
        'error: INVALID_ARGUMENT  --stream: lines is not JSON: expected a name in ", found "c" (line 3, column 8)',
        '  {"b":1,c}',
        "         ^",
        "hint: --stream takes one JSON value a line",
        "",
      ].join("\n"),
    );
    await server.says(/^took a\ntake: CANCELLED$/m);
  });

  test("a server that drains lets a stream finish, for as long as --drain says", async () => {
    for (const [drain, code, stdout] of [
      ["20s", 0, '"begun"\n"done"\n'],
      ["100ms", 78, '"begun"\n'],
    ] as const) {
      await using own = start(["server", "--no-register", "--drain", drain, `${place}/odd.ts`]);
      const [, address = ""] = await own.says(/^server +(\S+)/m);
      const go = `${place}/go-${drain}`;
      await using call = start(["call", "Odd.Until", go, "--address", address]);
      await call.says(/begun/);
      own.kill("SIGTERM");
      await own.says(/^draining +1 in flight/m);
      if (code === 0) await Bun.write(go, "");
      expect(await call.exited).toBe(code);
      expect(call.stdout()).toBe(stdout);
      if (code !== 0) await Bun.write(go, "");
      expect(await own.exited).toBe(0);
    }
  });
});
