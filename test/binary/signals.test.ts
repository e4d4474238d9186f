import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { built, type Running, start } from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

/** A handler that says when it starts, and when it is told to stop or its file appears. */
const waiting = `
  import { callContext } from "gee";
  export class Waiting {
    async Until(path: string): Promise<string> {
      const { signal } = callContext();
      console.log("started");
      while (!(await Bun.file(path).exists())) {
        await Bun.sleep(5);
        if (signal.aborted) {
          console.log("cancelled");
          throw signal.reason;
        }
      }
      return "done";
    }
  }
`;

interface Scene extends AsyncDisposable {
  readonly server: Running;
  readonly call: Running;
  /** Lets the handler finish. */
  release(): Promise<void>;
}

/** A server with one call whose handler runs. */
async function scene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await folder({ "waiting.ts": waiting }));
  const server = stack.use(start(["server", "--no-register", `${place.path}/waiting.ts`]));
  const [, address = ""] = await server.says(/^server +(\S+)/m);
  const words = ["call", "Waiting.Until", `${place.path}/go`, "--address", address];
  const call = stack.use(start([...words, "--timeout", "1m"]));
  await server.says(/^started$/m);
  const moved = stack.move();
  return {
    server,
    call,
    release: async () => void (await place.write("go", "")),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

describe.skipIf(!built)("signals", () => {
  test("SIGTERM lets a call finish, and then the server exits 0", async () => {
    await using running = await scene();
    const { server, call } = running;
    server.kill("SIGTERM");
    await server.says(/^draining +1 in flight, 1 connections/m);
    await running.release();
    expect(await call.exited).toBe(0);
    expect(call.stdout()).toBe('"done"\n');
    expect(await server.exited).toBe(0);
    expect(server.stderr()).toContain("drained ");
  });

  test("a second signal ends a server at once, with 128 and the signal", async () => {
    await using running = await scene();
    const { server, call } = running;
    server.kill("SIGTERM");
    await server.says(/^draining /m);
    server.kill("SIGINT");
    expect(await server.exited).toBe(130);
    expect(await call.exited).toBe(78);
  });

  test("SIGINT takes a call back, down to its handler, and exits 130", async () => {
    await using running = await scene();
    const { server, call } = running;
    call.kill("SIGINT");
    expect(await call.exited).toBe(130);
    expect(call.stderr()).toBe("error: CANCELLED  interrupted by SIGINT\n");
    expect(call.stdout()).toBe("");
    await server.says(/^cancelled$/m);
  });
});
