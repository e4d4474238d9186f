import { GeeError } from "../base/errors.ts";
import { type ChildAnswer, type ChildRequest, parseAnswer } from "./child-messages.ts";
import { childCommand, childEnvironment } from "./surroundings.ts";

/** An answer of more is none: a contract of 10,000 lines has less than 1 MB. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** How a child is run. */
export interface ChildOptions {
  /** How long it may take before it is killed. */
  readonly timeoutMs: number;
  /** What is started in the place of this program's own child. */
  readonly command?: readonly string[] | undefined;
}

function failed(why: string, cause?: unknown): GeeError {
  return new GeeError("FAILED_PRECONDITION", why, { reason: "CHILD_FAILED", cause });
}

/** The last line of what a child said before it failed. */
function lastWords(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => /^\w*error: /i.test(line));
  return lines.at(-1) ?? "it gave no reason";
}

/**
 * Has a child read source. Of what it says nothing gets out but the answer.
 *
 * @throws GeeError UNIMPLEMENTED, reason NO_CHILD, in a program that cannot start one;
 *   FAILED_PRECONDITION, reason CHILD_FAILED, when it crashes, takes too long or talks nonsense
 */
export async function askChild(request: ChildRequest, options: ChildOptions): Promise<ChildAnswer> {
  const command = options.command ?? childCommand();
  if (command === undefined) {
    throw new GeeError("UNIMPLEMENTED", "a program that has gee built in cannot read source", {
      reason: "NO_CHILD",
      hint: "what readContract returns is plain JSON: read it when the program is built",
      executed: "no",
    });
  }
  let ended: readonly [stdout: string, stderr: string];
  let child;
  try {
    child = Bun.spawn([...command], {
      // In no folder of the user's, whose bunfig.toml or tsconfig.json would hold for it.
      cwd: "/",
      env: childEnvironment(),
      stdin: new Blob([JSON.stringify(request)]),
      stdout: "pipe",
      stderr: "pipe",
      timeout: options.timeoutMs,
      killSignal: "SIGKILL",
      maxBuffer: maxAnswerBytes,
    });
    ended = await Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
  } catch (thrown) {
    throw failed(`it could not be started: ${GeeError.from(thrown).message}`, thrown);
  }
  const [stdout, stderr] = ended;
  if (child.signalCode !== null) {
    throw failed(`it was ended by ${child.signalCode}: it has ${options.timeoutMs} ms`);
  }
  if (child.exitCode !== 0) throw failed(lastWords(stderr));
  try {
    return parseAnswer(JSON.parse(stdout));
  } catch (thrown) {
    throw failed(`its answer cannot be read: ${GeeError.from(thrown).message}`, thrown);
  }
}
