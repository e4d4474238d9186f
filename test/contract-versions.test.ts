import { expect, test } from "bun:test";
import type { ModuleContract, ServiceContract } from "../src/contract/contract.ts";
import { method, number, service, string } from "./support/contracts.ts";
import { failureOf } from "./support/ends.ts";
import { Loopback } from "./support/loopback.ts";

// Servers of several versions, and clients of each, over sockets.

class OldFoo {
  Sum(a: number, b: number): string {
    return `old ${a + b}`;
  }

  Name(): string {
    return "old";
  }
}

class NewFoo {
  Sum(all: readonly number[]): string {
    return `new ${all.reduce((a, b) => a + b)}`;
  }

  Name(): string {
    return "new";
  }
}

const oldContract = service([
  method("Sum", { a: number, b: number }, string),
  method("Name", {}, string),
]);
const newContract = service([
  method("Sum", { all: { kind: "array", items: number } }, string),
  method("Name", {}, string),
]);

function read(contract: ServiceContract): ModuleContract {
  return { services: [contract], hidden: {}, marks: {}, files: [] };
}

test("each client's calls go to the servers that they fit, and all share the rest", async () => {
  await using net = new Loopback();
  const servers = [
    await net.serve({ Foo: new OldFoo() }, { contract: read(oldContract) }),
    await net.serve({ Foo: new NewFoo() }, { contract: read(newContract) }),
  ];
  const older = net.connect(servers, { contract: oldContract, policy: "round-robin" });
  const newer = net.connect(servers, { contract: newContract, policy: "round-robin" });
  for (let each = 0; each < 10; each++) {
    expect(await older.call("Foo.Sum", [1, 2])).toBe("old 3");
    expect(await newer.call("Foo.Sum", [[1, 2]])).toBe("new 3");
  }
  const names = await Promise.all([1, 2, 3, 4].map(() => older.call("Foo.Name")));
  expect([...new Set(names)].sort()).toEqual(["new", "old"]);

  // A client that says nothing of what it was built against may meet either.
  const careless = net.connect(servers, { policy: "round-robin" });
  const outcomes = await Promise.allSettled(
    [1, 2, 3, 4].map(() => careless.call("Foo.Sum", [1, 2])),
  );
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(["fulfilled", "rejected"]));

  await servers[0]?.stop();
  expect(await failureOf(older.call("Foo.Sum", [1, 2]))).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "CONTRACT_MISMATCH",
    executed: "no",
  });
  expect(await older.call("Foo.Name")).toBe("new");
});
