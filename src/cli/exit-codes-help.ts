import { codeNumbers } from "../base/errors.ts";

/** An exit code as a person reads it. */
export interface ExitCode {
  readonly exitCode: number;
  readonly name: string;
  readonly meaning: string;
}

const statusMeanings: Readonly<Record<keyof typeof codeNumbers, string>> = {
  CANCELLED: "the call was taken back",
  UNKNOWN: "something failed and nobody knows what",
  INVALID_ARGUMENT: "the arguments cannot be right",
  DEADLINE_EXCEEDED: "the time-out passed before an answer was there",
  NOT_FOUND: "the thing asked for does not exist",
  ALREADY_EXISTS: "the thing to be made exists already",
  PERMISSION_DENIED: "the caller may not do this",
  RESOURCE_EXHAUSTED: "a limit was reached",
  FAILED_PRECONDITION: "the system is not in the state that this needs",
  ABORTED: "given up because of a conflict",
  OUT_OF_RANGE: "a position is past the valid range",
  UNIMPLEMENTED: "no such service or method",
  INTERNAL: "a fault of the server's own",
  UNAVAILABLE: "no registry or no server can be reached",
  DATA_LOSS: "data was lost or damaged",
  UNAUTHENTICATED: "the caller did not prove who it is",
};

/** Every exit code that gee ends with by itself. */
export function exitCodes(): readonly ExitCode[] {
  return [
    {
      exitCode: 0,
      name: "",
      meaning: "done; a server that drained, an empty list, a reader that left",
    },
    {
      exitCode: 1,
      name: "",
      meaning: "failure; a port in use; what ping, bench or types --check found",
    },
    {
      exitCode: 2,
      name: "",
      meaning: "wrong usage; a broken module, nothing to serve, a bad --stream line",
    },
    ...Object.entries(codeNumbers).map(([name, number]) => ({
      exitCode: 64 + number,
      name,
      meaning: Object.entries(statusMeanings).find(([known]) => known === name)?.[1] ?? "",
    })),
    { exitCode: 130, name: "SIGINT", meaning: "interrupted before it was done" },
    { exitCode: 143, name: "SIGTERM", meaning: "ended before it was done" },
  ];
}
