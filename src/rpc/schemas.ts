import { issuesText } from "../contract/standard-schema.ts";
import type { SchemaResult, StandardSchema } from "../contract/standard-schema.ts";
import { areItems } from "./checked-items.ts";
import { withContext } from "./context.ts";
import type { CallContext } from "./context.ts";
import { isThenable } from "./handler-streams.ts";
import { badArgument } from "./thrown.ts";

type Invoke = (args: readonly unknown[]) => unknown;
type Args = readonly unknown[];

/** Holds the arguments of a method to schemas, each to that of its index. */
class Validation {
  readonly #schemas: readonly (StandardSchema | undefined)[];
  readonly #names: readonly (string | undefined)[];

  constructor(
    schemas: readonly (StandardSchema | undefined)[],
    names: readonly (string | undefined)[],
  ) {
    this.#schemas = schemas;
    this.#names = names;
  }

  /** The arguments that the schemas make of these; a promise when one of them takes its time. */
  run(args: Args, from = 0): Args | Promise<Args> {
    let given = args;
    for (let index = from; index < this.#schemas.length; index++) {
      const schema = this.#schemas[index];
      const value = given[index];
      if (schema === undefined || areItems(value)) continue;
      const result = schema["~standard"].validate(value);
      if (isThenable(result)) return this.#later(given, index, result);
      given = this.#take(given, index, result);
    }
    return given;
  }

  async #later(args: Args, index: number, pending: PromiseLike<SchemaResult>): Promise<Args> {
    return await this.run(this.#take(args, index, await pending), index + 1);
  }

  /** The arguments with what the schema of this one has made of it. */
  #take(args: Args, index: number, result: SchemaResult): Args {
    if (result.issues !== undefined) {
      const name = this.#names[index];
      const root = `args[${index}]`;
      const whole = name === undefined ? root : `${root} (${name})`;
      throw badArgument(issuesText(root, result.issues, whole));
    }
    const { value } = result;
    // A place that nobody has given stays without a value.
    if (Object.is(value, args[index])) return args;
    const given = [...args];
    while (given.length < index) given.push(undefined);
    given[index] = value;
    return given;
  }
}

/**
 * Runs a method with what the schemas make of its arguments, or not at all. `names` are those of the
 * parameters, as far as they are known.
 */
export function withSchemas(
  invoke: Invoke,
  schemas: readonly (StandardSchema | undefined)[],
  names: readonly (string | undefined)[],
  contextNow: () => CallContext,
): Invoke {
  const validation = new Validation(schemas, names);
  return (args) => {
    const given = validation.run(args);
    if (!(given instanceof Promise)) return invoke(given);
    // The method starts later, and sees its context all the same.
    const context = contextNow();
    return given.then((late) => withContext(context, invoke, late));
  };
}
