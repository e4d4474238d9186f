// A process that announces something and has nothing else to do. Its one argument is a registry.

import { parseAddress } from "../../src/base/address.ts";
import { stderrLog } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/time.ts";
import { newInstanceId } from "../../src/discovery/member.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { createThreadedHeartbeat } from "../../src/discovery/threaded-heartbeat.ts";

const id = newInstanceId();
const url = process.argv[2] ?? "";
const heartbeat = createThreadedHeartbeat({
  registries: [createRegistryClient({ url, log: stderrLog })],
  announcement: () => ({
    id,
    address: parseAddress("tcp@127.0.0.1:4000"),
    services: ["Foo"],
    weight: 1,
    draining: false,
  }),
  clock: systemClock,
  log: stderrLog,
});
heartbeat.start();
// Until it is announced the process is kept alive by this, and then by nothing.
const kept = setTimeout(() => process.exit(3), 10_000);
console.log(await heartbeat.registered());
clearTimeout(kept);
