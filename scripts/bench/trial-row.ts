// What a trial is: its processes, what it needs, and what one round of it says.

import type { Child } from "./processes.ts";

/** One figure of one round. */
export interface Reading {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  readonly bound?: number;
  /** What is better still. */
  readonly aim?: number;
  readonly moreIsBetter?: boolean;
}

/** The processes of one round. */
export interface Ends {
  readonly server: Child;
  readonly client: Child;
  readonly beside: Beside | undefined;
}

/** A process that is there before the others. */
export interface Beside extends AsyncDisposable {
  readonly child: Child;
  /** Where it answers, `127.0.0.1:PORT`: the server is told. */
  readonly place: string;
}

/** One trial. */
export interface TrialRow {
  readonly name: string;
  readonly title: string;
  /** One that takes long is not run as often as others. */
  readonly mostRounds?: number;
  /** Why it cannot be run here; undefined when it can. */
  whyNot?(): string | undefined;
  /** Starts what the server needs beside itself. */
  beside?(): Promise<Beside>;
  round(ends: Ends, seconds: number): Promise<readonly Reading[]>;
}

/** What an end of a trial said, as its program writes it. */
export function result<T>(text: string): T {
  const parsed: T = JSON.parse(text);
  return parsed;
}
