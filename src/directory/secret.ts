import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** A new secret: 32 hex digits, of 128 random bits. */
export function newSecret(): string {
  return randomBytes(16).toString("hex");
}

/** What the maker of a secret keeps of it: SHA-256, in 64 hex digits. */
export function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether a secret is the one; in constant time, whatever its length, as digests are compared. */
export function matches(secret: string, digest: string): boolean {
  const known = Buffer.from(digest, "hex");
  const shown = createHash("sha256").update(secret).digest();
  return known.length === shown.length && timingSafeEqual(shown, known);
}
