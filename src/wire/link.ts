import type { GeeError } from "../base/errors.ts";

/**
 * A stream of bytes both ways: what a protocol needs of a socket and nothing else. Sockets are one
 * kind (net/); a test's pair of links in memory is another.
 */
export interface Link {
  /** Who is at the other end, for people to read: `127.0.0.1:4000`. */
  readonly peer: string;
  /** Whether the bytes never leave this machine. */
  readonly local: boolean;
  /**
   * Hands over `bytes[start]` to `bytes[end - 1]` and returns how many were taken. The caller keeps
   * the rest, and tries again on `drain`. The buffer is the caller's again on return.
   */
  write(bytes: Uint8Array, start: number, end: number): number;
  /** Stops and resumes `data`. */
  pause(): void;
  resume(): void;
  /** No more bytes will be written: says so to the peer and closes once it has answered, or soon. */
  end(): void;
  /** Closes at once. `closed` follows, unless it was called before. */
  close(): void;
}

/** What a link tells its owner. */
export interface LinkEvents {
  /**
   * The next bytes. Returns true when they are many and used up, so that their memory can be given
   * back. Else a value that lives on may be a view of them: a link neither writes into them nor frees
   * them.
   */
  data(bytes: Uint8Array): boolean;
  /** There is room again after a short write. */
  drain(): void;
  /** The last event, exactly once: nothing comes in any more, and nothing goes out. */
  closed(why: GeeError): void;
}
