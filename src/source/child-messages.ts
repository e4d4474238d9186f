import { Fields, list, text, word } from "../base/fields.ts";
import type { ModuleContract } from "../contract/contract.ts";
import { parseModuleContract } from "../contract/parse.ts";
import { type Input, parseInputs } from "./inputs.ts";

/** What the child is to do. */
export interface ChildRequest {
  /**
   * `contracts`: whole ones, by the checker. `marks`: what is private, by the parser alone.
   * `interfaces`: exported interfaces as services. `library`: the declarations of "gee".
   */
  readonly mode: "contracts" | "marks" | "interfaces" | "library";
  /** Absolute paths of modules. */
  readonly paths: readonly string[];
}

/** What was read of one module. */
export interface ReadModule {
  readonly module: ModuleContract;
  /** Why it is the marks alone. */
  readonly why?: string | undefined;
}

/** What the child has found: a module for each path, in their order. */
export interface ChildAnswer {
  readonly modules: readonly ReadModule[];
  /** What was looked at for them. */
  readonly inputs: readonly Input[];
  /** The declarations of "gee", when they were asked for. */
  readonly library?: string | undefined;
}

const anyText = text(10_000_000, /^[^]*$/);

/** Reads a request from outside. @throws GeeError INVALID_ARGUMENT, naming the field */
export function parseRequest(value: unknown): ChildRequest {
  const fields = new Fields(value, "request");
  return {
    mode: fields.need("mode", word("contracts", "marks", "interfaces", "library")),
    paths: fields.need("paths", list(10_000, anyText)),
  };
}

function parseReadModule(value: unknown, path: string): ReadModule {
  const fields = new Fields(value, path);
  return {
    module: fields.need("module", parseModuleContract),
    why: fields.may("why", anyText),
  };
}

/** Reads an answer from outside. @throws GeeError INVALID_ARGUMENT, naming the field */
export function parseAnswer(value: unknown): ChildAnswer {
  const fields = new Fields(value, "answer");
  return {
    modules: fields.need("modules", list(10_000, parseReadModule)),
    inputs: fields.need("inputs", parseInputs),
    library: fields.may("library", anyText),
  };
}
