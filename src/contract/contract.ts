/**
 * What a service promises to its callers, as read from its TypeScript source: methods, parameters,
 * types, docs. Plain data, so that it travels as JSON.
 */
export interface ServiceContract {
  readonly name: string;
  readonly doc?: string | undefined;
  /** In the order of the source. */
  readonly methods: readonly MethodContract[];
  /** The types that `ref` nodes name: interfaces, aliases, enums, everything that contains itself. */
  readonly types: Readonly<Record<string, NamedType>>;
  /** The faults that the module declares for the service (`export type FooFaults = ...`). */
  readonly faults?: readonly FaultContract[] | undefined;
}

/** One method. */
export interface MethodContract {
  readonly name: string;
  readonly doc?: string | undefined;
  /** What a `@deprecated` says; empty when it says nothing. */
  readonly deprecated?: string | undefined;
  /** One for each overload; none when nothing is known of its parameters and its result. */
  readonly signatures: readonly Signature[];
  /** Why there is no signature. */
  readonly why?: string | undefined;
}

/** One way to call a method. */
export interface Signature {
  readonly parameters: readonly Parameter[];
  /** What is answered: the value with its promise taken off, or with `stream` each item. */
  readonly result: TypeNode;
  /** It answers item by item. */
  readonly stream?: boolean | undefined;
}

/** One parameter. */
export interface Parameter {
  readonly name: string;
  /** With `stream` the type of each item, with `rest` that of each further argument. */
  readonly type: TypeNode;
  readonly optional?: boolean | undefined;
  readonly rest?: boolean | undefined;
  /** Sent item by item. */
  readonly stream?: boolean | undefined;
  /** The default value's source text. */
  readonly default?: string | undefined;
  readonly doc?: string | undefined;
}

/** A type that has a name. */
export interface NamedType {
  readonly type: TypeNode;
  readonly doc?: string | undefined;
}

/** A declared fault. */
export interface FaultContract {
  readonly code: string;
  readonly reason: string;
  readonly details?: TypeNode | undefined;
}

/** The kinds of {@link TypeNode} that need no further word. */
export const plainKinds = [
  "string",
  "number",
  "boolean",
  "bigint",
  "null",
  /** `undefined` and `void`. */
  "undefined",
  "date",
  /** Anything that is not a primitive. */
  "nonprimitive",
  "never",
] as const;

/** One of {@link plainKinds}. */
export type PlainKind = (typeof plainKinds)[number];

/** The typed arrays that travel. */
export const bytesNames = [
  "Uint8Array",
  "Uint8ClampedArray",
  "Int8Array",
  "Uint16Array",
  "Int16Array",
  "Uint32Array",
  "Int32Array",
  "BigUint64Array",
  "BigInt64Array",
  "Float32Array",
  "Float64Array",
] as const;

/** One of {@link bytesNames}. */
export type BytesName = (typeof bytesNames)[number];

/** A type, taken apart as far as values on the wire go. */
export type TypeNode =
  /** Not known, not nameable, or nothing that travels; `why` is for people. Never checked. */
  | { readonly kind: "unknown"; readonly why?: string | undefined }
  | { readonly kind: PlainKind }
  /** A template literal type as it is written; checked as a string. */
  | { readonly kind: "template"; readonly text: string }
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  /** A bigint literal, in decimal. */
  | { readonly kind: "bigint-literal"; readonly text: string }
  | { readonly kind: "bytes"; readonly name: BytesName }
  | { readonly kind: "array"; readonly items: TypeNode }
  | { readonly kind: "tuple"; readonly items: readonly TupleItem[] }
  | {
      readonly kind: "object";
      readonly fields: readonly Field[];
      /** The type of all further fields, from an index signature. */
      readonly rest?: TypeNode | undefined;
    }
  | { readonly kind: "union"; readonly of: readonly TypeNode[] }
  /** One of the contract's `types`, by name. */
  | { readonly kind: "ref"; readonly name: string };

/** An element of a tuple. */
export interface TupleItem {
  readonly type: TypeNode;
  readonly name?: string | undefined;
  readonly optional?: boolean | undefined;
  /** `type` is that of each of any number of elements here. */
  readonly rest?: boolean | undefined;
}

/** A field of an object. */
export interface Field {
  readonly name: string;
  readonly type: TypeNode;
  readonly optional?: boolean | undefined;
  readonly doc?: string | undefined;
}

/** What was read from one module. */
export interface ModuleContract {
  /** By the names that the services have on a server: the export's, or for a default export the class's. */
  readonly services: readonly ServiceContract[];
  /**
   * Methods that the source marks private or protected, by service: for every service whose class was
   * found for certain. They are not served.
   */
  readonly hidden: Readonly<Record<string, readonly string[]>>;
  /** The same of every class in sight by its name, for services that are not in `hidden`. */
  readonly marks: Readonly<Record<string, readonly string[]>>;
  /** The module and the modules that it imports by relative paths: absolute, the module first. */
  readonly files: readonly string[];
}
