import { createOutput, type Output } from "../../src/cli/output.ts";
import type { Sink } from "../../src/cli/sink.ts";

/** An output that keeps what is written to it. */
export interface KeptOutput {
  readonly output: Output;
  /** Everything on stdout so far. */
  stdout(): string;
  /** Everything on stderr so far. */
  stderr(): string;
}

/** How a {@link keptOutput} looks to the command that writes. */
export interface KeptOutputOptions {
  readonly json?: boolean;
  readonly terminal?: boolean;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** An output in memory. */
export function keptOutput(options: KeptOutputOptions = {}): KeptOutput {
  const { json = false, terminal = false, columns = 80, env = {} } = options;
  const sink = (): { sink: Sink; text: () => string } => {
    let kept = "";
    const keep = async (text: string): Promise<void> => {
      kept += text;
    };
    return {
      text: () => kept,
      sink: { terminal, columns, closed: false, write: keep, pour: keep },
    };
  };
  const [stdout, stderr] = [sink(), sink()];
  return {
    output: createOutput({ json, env, stdout: stdout.sink, stderr: stderr.sink }),
    stdout: stdout.text,
    stderr: stderr.text,
  };
}
