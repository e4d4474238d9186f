import type { LogFields, LogLevel } from "../base/log.ts";
import type { Claim } from "./beat-loop.ts";
import type { Description } from "./heartbeat.ts";

/** What the main thread says to the thread that beats for it, in this order. */
export type ToBeatThread =
  /** Once, and first: announce this, at these registries. */
  | {
      readonly kind: "start";
      readonly urls: readonly string[];
      /** What is shown to each of them. */
      readonly token?: string | undefined;
      readonly description: Description;
      readonly revision: number;
      /** The instance's own: the main loop has it too, should it have to go on. */
      readonly secret: string;
      readonly hungAfterMs: number;
    }
  /** A sign of life of the main loop, and how late that loop ran since the last one, in ms. */
  | { readonly kind: "sign"; readonly description: Description; readonly lagMs: number }
  /** The description has changed: announce it now, under the next revision. */
  | { readonly kind: "update"; readonly description: Description }
  /** Once, and last: take it back everywhere, and end. */
  | { readonly kind: "withdraw" };

/** What the thread that beats says to the main thread. */
export type FromBeatThread =
  /** A registry takes the beats, for the first time or again. */
  | { readonly kind: "registered"; readonly url: string }
  /** What the main loop has to know to go on when this thread ends before its time. */
  | { readonly kind: "claim"; readonly url: string; readonly claim: Claim }
  /** A line for the program's log; errors among the fields are their messages. */
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: LogFields;
    }
  /** The withdrawal is done, as far as it can be. Nothing follows. */
  | { readonly kind: "withdrawn" };

/** A sign is said when the last one is so old; ticks of the loop make that 500 ms. */
export const signAfterMs = 450;

/** So long after a sign the next one is late. */
export const signPeriodMs = 500;
