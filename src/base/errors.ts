/**
 * The closed list of status codes, with the numbers of gRPC. They travel as numbers; a program
 * matches on the name. Append only: a number never changes its meaning.
 */
export const codeNumbers = {
  /** The caller took the call back. */
  CANCELLED: 1,
  /** Something failed and nobody knows what; also any code that this version does not know. */
  UNKNOWN: 2,
  /** The arguments cannot be right, whatever the state of the system. */
  INVALID_ARGUMENT: 3,
  /** The deadline passed before an answer was there. */
  DEADLINE_EXCEEDED: 4,
  /** The thing that was asked for does not exist. */
  NOT_FOUND: 5,
  /** The thing that was to be made exists already. */
  ALREADY_EXISTS: 6,
  /** The caller is known and may not do this. */
  PERMISSION_DENIED: 7,
  /** A limit was reached: size, count, quota or memory. */
  RESOURCE_EXHAUSTED: 8,
  /** The system is not in the state that this needs; trying again does not help by itself. */
  FAILED_PRECONDITION: 9,
  /** The work was given up because of a conflict; a fresh attempt of the whole may succeed. */
  ABORTED: 10,
  /** A position is past the valid range. */
  OUT_OF_RANGE: 11,
  /** There is no such service, method or feature. */
  UNIMPLEMENTED: 12,
  /** A fault of the server's own; the details stay in the server's log. */
  INTERNAL: 13,
  /** Nobody can be reached, or the one who was reached takes no calls. */
  UNAVAILABLE: 14,
  /** Data was lost or damaged beyond repair. */
  DATA_LOSS: 15,
  /** The caller did not prove who it is. */
  UNAUTHENTICATED: 16,
} as const;

/** The name of a status code, such as `"DEADLINE_EXCEEDED"`. */
export type Code = keyof typeof codeNumbers;

function isCode(name: string): name is Code {
  return Object.hasOwn(codeNumbers, name);
}

const codeNames = new Map<number, Code>(
  Object.keys(codeNumbers)
    .filter(isCode)
    .map((name) => [codeNumbers[name], name]),
);

/** The name of a code's number; a number that this version does not know is `"UNKNOWN"`. */
export function codeFromNumber(number: number): Code {
  return codeNames.get(number) ?? "UNKNOWN";
}

/**
 * Whether the method's code may have run: `"no"`, it was never started; `"yes"`, it was; `"maybe"`,
 * nobody on this side can tell.
 */
export type Executed = "no" | "maybe" | "yes";

/** What a {@link GeeError} may carry beside its code and message. */
export interface GeeErrorOptions {
  /** A word for programs, upper snake case by custom, such as `"SOLD_OUT"`. */
  readonly reason?: string | undefined;
  /** Any value that can travel; the other side gets it as it was thrown. */
  readonly details?: unknown;
  /** Default `"maybe"`. What a handler throws is always seen as `"yes"` by its caller. */
  readonly executed?: Executed | undefined;
  /** How long to wait before another attempt, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** What to do next, in a few words for a person. Stays in the process. */
  readonly hint?: string | undefined;
  /** The error behind this one. Stays in the process. */
  readonly cause?: unknown;
}

/** What was thrown, in words; whatever it is, this does not throw. */
export function describeThrown(thrown: unknown): string {
  try {
    return thrown instanceof Error ? (thrown.stack ?? thrown.message) : Bun.inspect(thrown);
  } catch {
    return "a value that cannot be described";
  }
}

/**
 * The one error that calls reject with and that handlers throw on purpose.
 *
 * Match on `code` and `reason`, never on the text of `message`. A handler that throws a `GeeError`
 * has code, message, reason and details delivered to its caller; anything else that it throws
 * arrives as `INTERNAL`, without message or stack.
 */
export class GeeError extends Error {
  readonly code: Code;
  readonly reason: string | undefined;
  readonly details: unknown;
  readonly executed: Executed;
  readonly retryAfterMs: number | undefined;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, options: GeeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GeeError";
    this.code = isCode(code) ? code : "UNKNOWN";
    this.reason = options.reason;
    this.details = options.details;
    this.executed = options.executed ?? "maybe";
    this.retryAfterMs = options.retryAfterMs;
    this.hint = options.hint;
  }

  /**
   * Any thrown value as a `GeeError`: one is returned as it is, an abort becomes `CANCELLED`, a
   * time-out `DEADLINE_EXCEEDED`, and the rest `UNKNOWN` with the value as the cause.
   */
  static from(thrown: unknown, executed: Executed = "maybe"): GeeError {
    if (thrown instanceof GeeError) return thrown;
    if (!(thrown instanceof Error)) {
      return new GeeError("UNKNOWN", describeThrown(thrown), { cause: thrown, executed });
    }
    const code: Code =
      thrown.name === "TimeoutError"
        ? "DEADLINE_EXCEEDED"
        : thrown.name === "AbortError"
          ? "CANCELLED"
          : "UNKNOWN";
    return new GeeError(code, thrown.message, { cause: thrown, executed });
  }

  /** The same error with what is behind it. */
  withCause(cause: unknown): GeeError {
    return new GeeError(this.code, this.message, {
      reason: this.reason,
      details: this.details,
      executed: this.executed,
      retryAfterMs: this.retryAfterMs,
      hint: this.hint,
      cause,
    });
  }

  /** The same error with another word on whether the call may have run. */
  withExecuted(executed: Executed): GeeError {
    if (executed === this.executed) return this;
    return new GeeError(this.code, this.message, {
      reason: this.reason,
      details: this.details,
      executed,
      retryAfterMs: this.retryAfterMs,
      hint: this.hint,
      cause: this.cause ?? this,
    });
  }
}
