import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Process } from "./cluster.ts";

/**
 * Starts a script as a process of the test's own, with one argument of JSON, and resolves with it
 * once it has said one line of JSON. It ends when it is disposed, and when the test's process does.
 */
export async function startScript<T>(script: URL, options: object): Promise<Process<T>> {
  const path = fileURLToPath(script);
  const child = Bun.spawn([process.execPath, path, JSON.stringify(options)], {
    // Nothing is said through it. Scripts end when it does.
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  let errors = "";
  const reading = (async () => {
    const utf8 = new TextDecoder();
    for await (const bytes of child.stderr) errors += utf8.decode(bytes, { stream: true });
  })();
  const utf8 = new TextDecoder();
  let line = "";
  for await (const bytes of child.stdout) {
    line += utf8.decode(bytes, { stream: true });
    if (line.includes("\n")) break;
  }
  if (!line.includes("\n")) {
    await reading;
    throw new Error(`${path} ended before it was up: ${errors}`);
  }
  return {
    pid: child.pid,
    said: JSON.parse(line),
    errors: () => errors,
    exited: child.exited,
    signal: (name) => child.kill(name),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** Memory that a process holds now. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) * 1_024;
}
