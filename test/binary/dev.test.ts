import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { built, gee, start } from "../support/executable.ts";
import { folder } from "../support/folder.ts";
import { until } from "../support/clock.ts";

setDefaultTimeout(30_000);

function own(answer: string): string {
  return `
    import { callContext } from "gee";
    export class Own {
      Answer(): string { return "${answer}"; }
      async Until(path: string): Promise<string> {
        callContext();
        console.log("waits");
        while (!(await Bun.file(path).exists())) await Bun.sleep(5);
        return this.Answer();
      }
      Hang(): void { for (;;); }
    }
  `;
}

/** Processes that run with a word on their command line. */
function running(word: string): number {
  const { stdout } = Bun.spawnSync(["ps", "-eo", "pid=,stat="]);
  const lines = stdout.toString().trim().split("\n");
  return lines.filter((line) => {
    const [pid = "", state = ""] = line.trim().split(/\s+/);
    const path = `/proc/${pid}/cmdline`;
    try {
      return (
        !state.startsWith("Z") && existsSync(path) && readFileSync(path, "utf8").includes(word)
      );
    } catch {
      return false;
    }
  }).length;
}

describe.skipIf(!built)("gee dev", () => {
  test("an edit: the call in flight finishes on the old code, the next call runs the new", async () => {
    await using place = await folder({ "own.ts": own("old") });
    await using dev = start(["dev", "own.ts", "--listen", "127.0.0.1:0"], { cwd: place.path });
    const [, url = ""] = await dev.says(/^registry +(\S+)/m);
    await dev.says(/^server /m);
    const at = ["--registry", url, "--timeout", "20s"];
    await using slow = start(["call", "Own.Until", `${place.path}/go`, ...at]);
    await dev.says(/^waits$/m);
    await place.write("own.ts", own("new"));
    await dev.says(/^reload +own\.ts /m);
    expect((await gee(["call", "Own.Answer", ...at])).stdout).toBe('"new"\n');
    await place.write("own.ts", "export class {");
    await dev.says(/^hint: the old code goes on$/m);
    expect((await gee(["call", "Own.Answer", ...at])).stdout).toBe('"new"\n');
    await place.write("go", "");
    expect(await slow.exited).toBe(0);
    expect(slow.stdout()).toBe('"old"\n');
    dev.kill("SIGTERM");
    expect(await dev.exited).toBe(0);
    expect(running(place.path)).toBe(0);
  });

  test.each(["Own.Answer", "Own.Hang"])(
    "killed, it leaves no server behind, behind %s",
    async (method) => {
      await using place = await folder({ "own.ts": own("old") });
      const module = `${place.path}/own.ts`;
      await using dev = start(["dev", module, "--listen", "127.0.0.1:0"]);
      const [, url = ""] = await dev.says(/^registry +(\S+)/m);
      await dev.says(/^server /m);
      await gee(["call", method, "--one-way", "--registry", url]);
      expect(running(module)).toBe(2);
      dev.kill("SIGKILL");
      await dev.exited;
      await until(() => running(module) === 0, "the server's end");
    },
  );
});
