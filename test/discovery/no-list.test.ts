import { expect, test } from "bun:test";
import { type Code, GeeError } from "../../src/base/errors.ts";
import { noList } from "../../src/discovery/no-list.ts";

function failed(code: Code, hint?: string): GeeError {
  return new GeeError(code, `registry: ${code}`, { executed: "no", hint });
}

const away = failed("UNAVAILABLE", "start it");
const stranger = failed("UNAUTHENTICATED", "hand in its token");
const host = failed("PERMISSION_DENIED");
const start = "is a registry running there? gee registry starts one";

test.each<[string, readonly (GeeError | undefined)[], string, string | undefined]>([
  ["one is away", [away], "UNAVAILABLE NO_REGISTRY", start],
  ["one wants a token", [stranger], "UNAUTHENTICATED REGISTRY_REFUSED", "hand in its token"],
  ["one has another name", [host], "PERMISSION_DENIED REGISTRY_REFUSED", undefined],
  ["both refuse", [host, stranger], "UNAUTHENTICATED REGISTRY_REFUSED", "hand in its token"],
  ["one refuses, one is away", [stranger, away], "UNAVAILABLE NO_REGISTRY", "hand in its token"],
  ["one has another name, one is away", [away, host], "UNAVAILABLE NO_REGISTRY", start],
  ["one refuses, one has not failed", [host, undefined], "UNAVAILABLE NO_REGISTRY", start],
])("%s", (_words, errors, outcome, hint) => {
  const error = noList(errors);
  expect(`${error.code} ${error.reason}`).toBe(outcome);
  expect([error.hint, error.executed]).toEqual([hint, "no"]);
  for (const one of errors) expect(error.message).toContain(one?.message ?? "");
});

test("where no registry has failed the client is closed", () => {
  for (const errors of [[], [undefined]]) {
    expect(noList(errors)).toMatchObject({ code: "UNAVAILABLE", message: "the client is closed" });
  }
});
