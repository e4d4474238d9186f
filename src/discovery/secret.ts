import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** A new secret: 32 hex digits, of 128 random bits. */
export function newSecret(): string {
  return randomBytes(16).toString("hex");
}

/** What the maker of a secret keeps of it. */
export function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** Whether a secret is the one; in constant time, whatever its length, as digests are compared. */
export function matches(secret: string, digest: Buffer): boolean {
  return timingSafeEqual(digestOf(secret), digest);
}
