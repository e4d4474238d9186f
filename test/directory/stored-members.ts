import type { StoredInstance } from "../../src/directory/store.ts";
import { digestOf } from "../../src/directory/secret.ts";
import type { Announcement } from "../../src/discovery/member.ts";
import { instance } from "./table-bench.ts";

/** The n-th instance as a store keeps it, under a lease of 9 s. */
export function storedInstance(n: number, changes: Partial<Announcement> = {}): StoredInstance {
  const digest = digestOf(`secret ${n}`);
  return { announcement: instance(n, changes), digest, leaseMs: 9_000, state: "up" };
}
