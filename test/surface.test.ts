import { expect, test } from "bun:test";
import * as gee from "../src/index.ts";

// What a program can import is a promise: a name comes in and goes out on purpose.

const index = await Bun.file(new URL("../src/index.ts", import.meta.url)).text();

test("a program gets these eight values", () => {
  expect(Object.keys(gee).sort()).toEqual([
    "GeeError",
    "callContext",
    "connect",
    "fault",
    "isFault",
    "readContract",
    "serve",
    "serveRegistry",
    "testClient",
  ]);
});

test("and the types of what they take and give", () => {
  const names = [...index.matchAll(/export type \{([^}]*)\}/g)].flatMap(([, list = ""]) =>
    list
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  );
  expect(names.sort()).toEqual([
    "Address",
    "AnyFault",
    "BytesName",
    "Call",
    "CallContext",
    "CallOptions",
    "Canary",
    "ClientInterceptor",
    "Clock",
    "Code",
    "ConnectOptions",
    "Executed",
    "Fault",
    "FaultContract",
    "FaultFields",
    "Field",
    "Gee",
    "GeeErrorOptions",
    "Invocation",
    "ItemStream",
    "Log",
    "LogFields",
    "MakeStub",
    "Member",
    "Metadata",
    "MethodContract",
    "MethodOptions",
    "ModuleContract",
    "NamedType",
    "NestedCaller",
    "OneWay",
    "Options",
    "Outcome",
    "Parameter",
    "PlainKind",
    "PolicyName",
    "ReadOptions",
    "ReadyOptions",
    "Registry",
    "RegistryOptions",
    "RegistryStatus",
    "Remote",
    "Request",
    "SchemaIssue",
    "SchemaResult",
    "ServeOptions",
    "ServedService",
    "Server",
    "ServerInterceptor",
    "ServiceContract",
    "ServiceOptions",
    "Services",
    "Signature",
    "StandardSchema",
    "Tags",
    "TestClient",
    "TestClientOptions",
    "TestClock",
    "Timer",
    "TupleItem",
    "TypeNode",
  ]);
});

test("the entry point only passes on", () => {
  const lines = index.split("\n").filter((line) => line !== "" && !/^\s*(\/\/|\/?\*)/.test(line));
  for (const statement of lines.join("\n").split(/(?<=;)\n/)) {
    expect(statement).toMatch(/^export (type )?\{[^}]*\} from "\.\/[^"]+";$/);
  }
});

test("importing it does nothing that can be seen", async () => {
  const entry = new URL("../src/index.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, "-e", `await import(${JSON.stringify(entry)})`], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  expect([stdout, stderr, exitCode]).toEqual(["", "", 0]);
});
