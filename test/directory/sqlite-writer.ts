// Writes to the store that its argument names, without end, for a test that kills it.

import { silentLog } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/time.ts";
import { SqliteStore } from "../../src/directory/sqlite-store.ts";
import { storedInstance } from "./stored-members.ts";
import { id } from "./table-bench.ts";

// When the test is gone, so is this.
process.stdin.once("end", () => process.exit(1)).resume();

const file = process.argv[2] ?? "";
const store = new SqliteStore({ file, allowLoopback: true, clock: systemClock, log: silentLog });
const known = await store.load();
let revision = 0;
for (const member of known) {
  if (!("old" in member)) revision = Math.max(revision, member.announcement.revision);
}
console.log("up");
for (;;) {
  revision += 1;
  for (let n = 1; n <= 700; n++) store.put(storedInstance(n, { revision }));
  // Some come and go, so that rows are removed as well.
  store.put(storedInstance(1_000 + (revision % 50), { revision }));
  store.remove(id(1_000 + ((revision + 25) % 50)));
  await Bun.sleep(1);
}
