import { expect, test } from "bun:test";
import { parseArguments, type ServerInvocation } from "../../src/cli/args.ts";
import { checkWorkerAddresses, hasFixedPorts, workerWords } from "../../src/cli/worker-words.ts";

function server(line: string): ServerInvocation {
  const invocation = parseArguments(["server", ...line.split(" ")], {});
  if (invocation.kind !== "server") throw new Error(invocation.kind);
  return invocation;
}

test("the words of a worker say what those of all said, its own addresses aside", () => {
  for (const line of [
    "a.ts b.ts --workers 2",
    "a.ts --workers 2 --no-register --no-check --check-results --drain 1500ms --insecure",
    "a.ts --workers 2 --registry http://a:1,http://b:2 --token-file t --weight 0.5 --zone z --tag a=b --tag c=d",
  ]) {
    const asked = server(line);
    const words = workerWords(asked, 2);
    const { workers, ...rest } = asked;
    expect(workers).toBe(2);
    expect(server(words.join(" "))).toEqual({ ...rest, workers: undefined });
  }
});

test.each([
  ["--listen tcp@127.0.0.1:0", "tcp@127.0.0.1:0", undefined, false],
  ["--listen tcp@127.0.0.1:7000", "tcp@127.0.0.1:7002", undefined, true],
  ["--listen 127.0.0.1:7000 --advertise h", "127.0.0.1:7002", "h", true],
  ["--listen 127.0.0.1:0 --advertise h:80", "127.0.0.1:0", "h:82", false],
  ["--listen 127.0.0.1:0 --advertise tcp@h:80", "127.0.0.1:0", "tcp@h:82", false],
  ["--listen [::1]:7000 --advertise ::1", "[::1]:7002", "::1", true],
  ["--listen [::1]:0 --advertise fe80::1:2", "[::1]:0", "fe80::1:2", false],
  ["--listen [::1]:0 --advertise [fe80::1]:2", "[::1]:0", "[fe80::1]:4", false],
])("%s: the third listens at %s, and is advertised at %s", (line, listen, advertise, fixed) => {
  const asked = server(`a.ts ${line}`);
  const third = server(workerWords(asked, 3).join(" "));
  expect([third.listen, third.advertise]).toEqual([listen, advertise]);
  expect(hasFixedPorts(asked)).toBe(fixed);
  checkWorkerAddresses(asked, 3);
});

test.each([
  ["--listen unix@/tmp/a.sock", "workers cannot share a unix socket"],
  ["--listen 127.0.0.1:65534", "3 workers from port 65534 on would need port 65536"],
  ["--advertise h:65535", "3 workers cannot all be reached at h:65535"],
  ["--advertise unix@/tmp/a.sock", "3 workers cannot all be reached at unix@/tmp/a.sock"],
])("%s is refused", (line, message) => {
  expect(() => checkWorkerAddresses(server(`a.ts ${line}`), 3)).toThrow(message);
});
