import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  built,
  executable,
  startCommand,
  startRegistry,
  startServer,
} from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

describe.skipIf(!built)("the executable's completions", () => {
  test("bash completes a method of a running server, from any folder", async () => {
    await using place = await folder();
    await using registry = await startRegistry();
    await using server = await startServer(registry.url);
    expect(server.stdout()).toContain("Foo");
    const script = `
      eval "$("$1" completions bash)"
      cd "$HOME"
      COMP_WORDS=(gee call Foo.Su); COMP_CWORD=2; COMP_LINE="gee call Foo.Su"; COMP_POINT=15
      # A busy machine may need more than a completion has.
      for _ in 1 2 3 4 5 6 7 8 9 10; do _gee; ((\${#COMPREPLY[@]})) && break; done
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    await using shell = startCommand(["bash", "--norc", "-c", script, "bash", executable], {
      cwd: place.path,
      env: { HOME: place.path, GEE_REGISTRY: registry.url },
    });
    expect([await shell.exited, shell.stdout(), shell.stderr()]).toEqual([0, "Foo.Sum\n", ""]);
  });
});
