import { createHash, timingSafeEqual } from "node:crypto";

/** Whether a newcomer may have made it: it looks like one of `newSecret`, which nobody guesses. */
export function isSecret(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** What a registry keeps of a secret: SHA-256, in 64 hex digits. */
export function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether a secret is the one; in constant time, whatever its length, as digests are compared. */
export function matches(secret: string, digest: string): boolean {
  const known = Buffer.from(digest, "hex");
  const shown = createHash("sha256").update(secret).digest();
  return known.length === shown.length && timingSafeEqual(shown, known);
}
