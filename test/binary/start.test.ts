import { describe, expect, setDefaultTimeout, test } from "bun:test";
import manifest from "../../package.json";
import { folder } from "../support/folder.ts";
import { built, executable, gee, startCommand } from "../support/executable.ts";

setDefaultTimeout(30_000);

describe.skipIf(!built)("the executable", () => {
  test("says its version from wherever it is started", async () => {
    await using place = await folder();
    const { code, stdout } = await gee(["version", "--json"], { cwd: place.path });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ gee: manifest.version });
  });

  test("prints help when nothing is asked of it", async () => {
    const [alone, asked] = await Promise.all([gee([]), gee(["help"])]);
    expect(alone).toEqual(asked);
    expect(alone).toMatchObject({ code: 0, stderr: "" });
    expect(alone.stdout).toContain("gee help exit-codes");
  });

  test("tells the demo's story and exits 0", async () => {
    const { code, stdout, stderr } = await gee(["demo"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Foo.Sum 5 25 = 30");
    expect(stdout).toContain("DEADLINE_EXCEEDED after 2");
  });

  test.each([
    [["cal"], "did you mean gee call?"],
    [["call", "Foo.Sum", "--timeout", "5"], "durations look like"],
    [["call", "Foo.Sum", '{"a"'], "\n      ^\n"],
    [["call", "Foo.Sum", "--address", "nowhere"], "addresses look like"],
    [["call", "Foo.Sum", "--registry", "nowhere"], "http://127.0.0.1:9999"],
    [["call", "Foo.Sum", "--data", "@/nowhere/x.json"], "cannot read"],
    [["list", "--workers", "2"], "gee help list"],
    [["server", "/nowhere/x.ts"], "there is no file"],
    [["server", "--listen", "tcp@0.0.0.0:0"], "--insecure"],
    [["registry", "--listen", "0.0.0.0:0"], "--insecure"],
    [["registry", "--listen", "nowhere"], "hint: "],
    [["registry", "--lease", "1ms"], "from 200ms to 5m"],
    [["registry", "--listen", "127.0.0.1:0", "--store", "papyrus:x"], "sqlite:FILE"],
    [["registry", "--listen", "127.0.0.1:0", "--token-file", "/nowhere/x"], "ENOENT"],
    [["server", "--token-file", "/nowhere/x"], "ENOENT"],
    [["call", "Foo.Sum", "--cache", "x", "--address", "tcp@a:1"], "exclude each other"],
    [["events", "Foo"], "gee help events"],
  ])("refuses gee %p with 2, one line and a hint", async (words, expected) => {
    const human = await gee(words);
    expect(human).toMatchObject({ code: 2, stdout: "" });
    expect(human.stderr).toStartWith("error: ");
    expect(human.stderr).toContain(expected);
    const json = await gee([...words, "--json"]);
    expect(json).toMatchObject({ code: 2, stdout: "" });
    expect(json.stderr.trimEnd()).not.toContain("\n");
    expect(JSON.parse(json.stderr)).toHaveProperty("error.executed", "no");
  });

  test("loads neither .env nor bunfig.toml of the folder where it is started", async () => {
    await using place = await folder({
      ".env": "GEE_JSON=1",
      "bunfig.toml": 'preload = ["./preload.ts"]',
      "preload.ts": 'console.log("preloaded"); process.exit(9);',
    });
    const { code, stdout } = await gee(["version"], { cwd: place.path });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^gee \d/) });
  });

  test("ends quietly when its reader has gone, and loudly when the disk is full", async () => {
    const shell = async (script: string): Promise<string> => {
      await using running = startCommand(["bash", "-c", script, "bash", executable]);
      await running.exited;
      return running.stdout() + running.stderr();
    };
    expect(await shell('exec 3> >(exit); wait $!; "$1" help >&3; echo $?')).toBe("0\n");
    expect(await shell('"$1" help >/dev/full; echo $?')).toMatch(/^1\nerror: UNKNOWN {2}.*ENOSPC/);
    expect(await shell('"$1" help >&-; echo $?')).toBe("0\n");
  });
});
