import { GeeError } from "../base/errors.ts";
import { childWord } from "../source/child-word.ts";
import { parseArguments, wantsJson, type Invocation } from "./args.ts";
import { createOutput, startExitCode, type Output } from "./output.ts";
import type { Parent } from "./parent.ts";
import type { Environment } from "./values.ts";
import { tellMisspelt } from "./variables.ts";

/**
 * Carries out one command line and returns its exit code. A command returns its own code; what it
 * throws is a failure to start, wrong usage included.
 */
export async function run(argv: readonly string[], env: Environment): Promise<number> {
  // No command of a person's: this executable, started by itself to read source.
  if (argv[0] === childWord) return (await import("../source/child.ts")).runChild();
  const options = { json: wantsJson(argv, env), env };
  const parent =
    env.GEE_CHILD === undefined ? undefined : (await import("./parent.ts")).joinParent(options);
  const output = parent?.output ?? createOutput(options);
  try {
    const invocation = parseArguments(argv, env);
    if (invocation.kind !== "complete") await tellMisspelt(env, output);
    return await carryOut(invocation, env, output, parent);
  } catch (thrown) {
    const error = GeeError.from(thrown);
    await output.error(error);
    return startExitCode(error);
  }
}

/** Each command is loaded when it is asked for: `gee call` does not wait for a server's code. */
async function carryOut(
  invocation: Invocation,
  env: Environment,
  output: Output,
  parent: Parent | undefined,
): Promise<number> {
  switch (invocation.kind) {
    case "registry":
      return (await import("./registry.ts")).runRegistry(invocation, output);
    case "server":
      if (invocation.workers !== undefined) {
        return (await import("./supervisor.ts")).runSupervisor(
          invocation,
          invocation.workers,
          output,
        );
      }
      return (await import("./server.ts")).runServer(invocation, output, parent);
    case "call":
      return (await import("./call.ts")).runCall(invocation, output);
    case "list":
      return (await import("./list.ts")).runList(invocation, output);
    case "events":
      return (await import("./events.ts")).runEvents(invocation, output);
    case "ping":
      return (await import("./ping.ts")).runPing(invocation, output);
    case "bench":
      return (await import("./bench.ts")).runBench(invocation, output);
    case "dev":
      return (await import("./dev.ts")).runDev(invocation, output);
    case "describe":
      return (await import("./describe.ts")).runDescribe(invocation, output);
    case "types":
      return (await import("./types.ts")).runTypes(invocation, output);
    case "completions":
      return (await import("./completions.ts")).runCompletions(invocation.shell, output);
    case "complete":
      return (await import("./complete.ts")).runComplete(invocation.words, env, output);
    case "demo":
      return (await import("./demo.ts")).runDemo(output);
    case "help":
      return (await import("./help.ts")).runHelp(invocation.topic, output);
    case "version":
      return (await import("./version.ts")).runVersion(output);
  }
}
