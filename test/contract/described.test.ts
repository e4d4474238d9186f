import { expect, test } from "bun:test";
import { parseDescribedService } from "../../src/contract/described.ts";

const method = { name: "Sum", idempotent: true, answersStream: false, checked: true };
const service = { name: "Foo", contract: "{}", methods: [method] };

test("a described service comes back as it was sent", () => {
  const full = {
    ...service,
    hash: "0123456789abcdef",
    contract: '{"name":"Foo","doc":"naïve \u{1f600}"}',
    methods: [{ ...method, hash: "fedcba9876543210", timeoutMs: 0.5, concurrency: 8 }],
  };
  for (const one of [service, full, { ...service, name: "gee.Health", methods: [] }]) {
    expect<unknown>(parseDescribedService(JSON.parse(JSON.stringify(one)))).toStrictEqual(one);
  }
});

test("what a later server says more is not looked at", () => {
  const later = { ...service, mood: "good", methods: [{ ...method, mood: "good" }] };
  expect<unknown>(parseDescribedService(later)).toStrictEqual(service);
});

test.each([
  ["service: it must be an object", null],
  ["service: it must be an object", []],
  ["service.name: it is missing", { ...service, name: undefined, contract: "{}" }],
  ["service.name", { ...service, name: "a\nb" }],
  ["service.hash", { ...service, hash: 5 }],
  ["service.hash", { ...service, hash: "0".repeat(33) }],
  ["service.contract", { ...service, contract: {} }],
  ["service.methods", { ...service, methods: {} }],
  ["service.methods[0].name", { ...service, methods: [{ ...method, name: 5 }] }],
  ["service.methods[0].idempotent", { ...service, methods: [{ ...method, idempotent: 1 }] }],
  ["service.methods[0].timeoutMs", { ...service, methods: [{ ...method, timeoutMs: 0 }] }],
  ["service.methods[0].concurrency", { ...service, methods: [{ ...method, concurrency: "8" }] }],
  ["service.methods[0].answersStream", { ...service, methods: [{ ...method, answersStream: 0 }] }],
  ["service.methods[0].checked", { ...service, methods: [{ ...method, checked: null }] }],
])("%s is refused", (message, value) => {
  const sent: unknown = value === null ? null : JSON.parse(JSON.stringify(value));
  expect(() => parseDescribedService(sent)).toThrow(message);
});
