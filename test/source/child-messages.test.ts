import { expect, test } from "bun:test";
import { parseAnswer, parseRequest } from "../../src/source/child-messages.ts";

const module = { services: [], hidden: {}, marks: { Foo: ["a"] }, files: ["/x.ts"] };

test("a request says what is read, and how", () => {
  const request = { mode: "contracts", paths: ["/a.ts", "/b.ts"] };
  expect(parseRequest(request)).toEqual({ mode: "contracts", paths: ["/a.ts", "/b.ts"] });
  expect(() => parseRequest({ ...request, mode: "run" })).toThrow("request.mode");
  expect(() => parseRequest({ ...request, paths: "/a.ts" })).toThrow("request.paths");
});

test("an answer is read to the last field", () => {
  const answer = {
    modules: [{ module }, { module, why: "too deep" }],
    inputs: [{ kind: "path", path: "/x.ts", is: "file" }],
    library: "declare module",
  };
  expect(parseAnswer(JSON.parse(JSON.stringify(answer)))).toMatchObject(answer);
  expect(() => parseAnswer({ ...answer, inputs: [{}] })).toThrow("answer.inputs[0].kind");
  expect(() => parseAnswer({ ...answer, modules: [{ module: {} }] })).toThrow(
    "answer.modules[0].module.services",
  );
  expect(() => parseAnswer("{}")).toThrow("answer: it must be an object");
});
