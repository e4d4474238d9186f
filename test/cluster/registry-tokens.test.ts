import { expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { RegistryScene } from "./registry-scene.ts";

test("with tokens servers register by one that writes, and clients find them by one that reads", async () => {
  await using scene = await RegistryScene.create();
  const file = async (name: string, text: string): Promise<string> => {
    await Bun.write(scene.path(name), text);
    await chmod(scene.path(name), 0o600);
    return scene.path(name);
  };
  const [reads, writes] = ["reader-0123456789", "writer-0123456789"];
  const tokens = await file("tokens", `${reads} read\n${writes} write services=Foo # the shop\n`);
  const { url } = await scene.registry("127.0.0.1:0", ["--token-file", tokens]);
  const reader = await file("reader", reads);
  const writer = await file("writer", writes);
  const at = ["--registry", url];

  const server = scene.start(["server", ...at, "--token-file", writer]);
  await server.says(/^registered /m);
  const call = ["call", "Foo.Sum", "1", "2", ...at, "--timeout", "5s"];
  expect(await scene.gee(...call, "--token-file", reader)).toEqual({
    code: 0,
    stdout: "3\n",
    stderr: "",
  });
  const events = scene.start(["events", ...at, "--token-file", reader]);
  await events.says(/^up .* Foo$/m);

  const stranger = await file("stranger", "stranger-0123456789");
  for (const [words, why] of [
    [[], "asks for a bearer token"],
    [["--token-file", stranger], "knows no such bearer token"],
  ] as const) {
    for (const command of [call, ["list", ...at], ["events", ...at]]) {
      const { code, stdout, stderr } = await scene.gee(...command, ...words);
      // 64 and the number of UNAUTHENTICATED.
      expect({ command, code, stdout }).toEqual({ command, code: 80, stdout: "" });
      expect(stderr).toContain(why);
      expect(stderr).toMatch(/^hint: .*--token-file/m);
      expect(stderr).not.toContain("0123456789");
    }
  }
  // Who only reads is told why nobody hears of it, and serves all the same.
  const mute = scene.start(["server", ...at, "--token-file", reader]);
  await mute.says(/^warn registry takes no beats.*this token may read, and write nothing/m);
  const [, address = ""] = await mute.says(/^server +(\S+)/m);
  expect((await scene.gee("call", "Foo.Sum", "1", "2", "--address", address)).stdout).toBe("3\n");

  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
  await events.says(/^gone .* Foo$/m);
}, 30_000);
