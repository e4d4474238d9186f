import { silentLog } from "../../src/base/log.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { runCall } from "../../src/cli/call.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { createOutput, type Output } from "../../src/cli/output.ts";
import type { Sink } from "../../src/cli/sink.ts";
import { callContext, GeeError, serve, type Server } from "../../src/index.ts";
import { keptOutput, type KeptOutputOptions } from "../support/output.ts";

/** What the tests of `gee call` call. */
export class Odd {
  /** What its handlers were told when their calls ended early. */
  readonly ends: string[] = [];
  /** How many items `Endless` has given. */
  given = 0;
  /** How often `Once` has run. */
  done = 0;
  /** What `Take` has got so far. */
  readonly taken: unknown[] = [];

  #watch(): void {
    const { signal, method } = callContext();
    signal.addEventListener("abort", () => {
      const { reason } = signal;
      this.ends.push(`${method} ${GeeError.from(reason).code}`);
    });
  }

  Nothing(): void {}
  Bytes(): Uint8Array {
    return new Uint8Array([1, 2, 3]);
  }
  Echo(...values: unknown[]): unknown {
    return values;
  }
  Sold(): never {
    throw new GeeError("FAILED_PRECONDITION", "sold out", {
      reason: "SOLD_OUT",
      details: { left: 0 },
    });
  }
  Metadata(): unknown {
    return callContext().metadata;
  }
  /** How often it has run. */
  Once(): number {
    this.done += 1;
    return this.done;
  }

  /** Two items and an error. */
  async *Breaks(): AsyncGenerator<unknown> {
    yield 1;
    yield { a: [2] };
    throw new GeeError("NOT_FOUND", "the third is lost", { reason: "LOST" });
  }
  /** As many as anybody takes. */
  async *Endless(text = "x"): AsyncGenerator<string> {
    this.#watch();
    for (;;) {
      this.given += 1;
      yield text;
    }
  }
  /** One item, and then nothing for ever. */
  async *Stands(): AsyncGenerator<number> {
    this.#watch();
    const { signal } = callContext();
    yield 1;
    await new Promise<void>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  }
  async *Double(factor: number, numbers: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const number of numbers) yield factor * number;
  }
  /** Takes what comes, and its end with an error like any other. */
  async Take(items: AsyncIterable<unknown>): Promise<readonly unknown[]> {
    this.#watch();
    try {
      for await (const item of items) this.taken.push(item);
    } catch {
      this.taken.push("an error");
    }
    return this.taken;
  }
}

/** A server of `Foo` and `Odd`. */
export interface OddServer extends AsyncDisposable {
  readonly server: Server;
  readonly odd: Odd;
}

export async function start(): Promise<OddServer> {
  const odd = new Odd();
  const server = await serve({
    services: { Foo: new Foo(), Odd: odd },
    lameDuckMs: 0,
    log: silentLog,
  });
  return { server, odd, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** `gee call` with words of a command line, in this process. Resolves with the exit code. */
export async function callInto(
  output: Output,
  words: readonly string[],
  servers: readonly OddServer[],
): Promise<number> {
  const addresses = servers.map(({ server }) => server.address);
  const invocation = parseArguments(["call", "--address", addresses.join(","), ...words], {});
  if (invocation.kind !== "call") throw new Error(`gee ${words.join(" ")} is no call`);
  return await runCall(invocation, output);
}

/** What a call printed, and its exit code. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The same with everything kept that it prints. */
export async function call(
  words: readonly string[],
  servers: readonly OddServer[],
  options: KeptOutputOptions = {},
): Promise<Ran> {
  const { output, stdout, stderr } = keptOutput(options);
  const code = await callInto(output, words, servers);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** A reader that takes so much and then nothing more, or goes away then. */
export function limitedReader(
  maxLength: number,
  then: "stalls" | "leaves",
): { readonly output: Output; taken(): string; errors(): string } {
  let [taken, errors, closed] = ["", "", false];
  const stdout: Sink = {
    terminal: false,
    columns: 80,
    get closed() {
      return closed;
    },
    write: () => Promise.reject(new Error("items are poured")),
    async pour(text) {
      taken += text.slice(0, maxLength - taken.length);
      if (taken.length < maxLength) return;
      if (then === "leaves") closed = true;
      else await new Promise(() => {});
    },
  };
  const keep = async (text: string): Promise<void> => {
    errors += text;
  };
  const stderr: Sink = { terminal: false, columns: 80, closed: false, write: keep, pour: keep };
  return {
    output: createOutput({ json: false, env: {}, stdout, stderr }),
    taken: () => taken,
    errors: () => errors,
  };
}
