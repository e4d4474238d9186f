import type { Field, TupleItem, TypeNode } from "./contract.ts";

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/** Whether a name can stand for a property, a parameter or a type as it is. */
export function isIdentifier(name: string): boolean {
  return identifier.test(name);
}

/** A property's name as TypeScript writes it: quoted when it has to be. */
export function keyText(name: string): string {
  return isIdentifier(name) ? name : JSON.stringify(name);
}

/** How types are written. */
export interface TypeStyle {
  /** What a named type is called. */
  nameOf(name: string): string;
  /** For a compiler, and not only for people: nothing but what compiles, with docs and reasons. */
  readonly strict: boolean;
}

/** A template that names no types but the compiler's own. */
const plainTemplate = /^`(?:[^`$\\]|\\.|\$(?!\{)|\$\{(?:string|number|bigint|boolean)\})*`$/s;

function literalText(value: string | number | boolean): string {
  // Not a number, and what is endless, are no literal types.
  if (typeof value === "number" && !Number.isFinite(value)) return "number";
  return JSON.stringify(value);
}

function itemText(item: TupleItem, named: boolean, style: TypeStyle): string {
  const mark = item.optional === true ? "?" : "";
  const dots = item.rest === true ? "..." : "";
  if (named) {
    const type = writeType(item.type, style);
    return `${dots}${item.name}${mark}: ${item.rest === true ? arrayOf(item.type, style) : type}`;
  }
  if (item.rest === true) return `...${arrayOf(item.type, style)}`;
  return mark === "" ? writeType(item.type, style) : `${wrapped(item.type, style)}?`;
}

/** In parentheses where something follows that would belong to its last part only. */
function wrapped(type: TypeNode, style: TypeStyle): string {
  const isBoth = style.strict && type.kind === "object" && isMixed(type);
  const text = writeType(type, style);
  return type.kind === "union" || isBoth ? `(${text})` : text;
}

function arrayOf(items: TypeNode, style: TypeStyle): string {
  return `${wrapped(items, style)}[]`;
}

function fieldText(field: Field, style: TypeStyle): string {
  const mark = field.optional === true ? "?" : "";
  const doc = style.strict && field.doc !== undefined ? inlineComment(field.doc, "/**") : "";
  return `${doc}${doc && " "}${keyText(field.name)}${mark}: ${writeType(field.type, style)}`;
}

/** A text as a comment in one line; nothing when there is nothing in it. */
function inlineComment(text: string, open: "/*" | "/**"): string {
  const line = escapeComment(text).replaceAll(/\s+/g, " ").trim();
  return line === "" ? "" : `${open} ${line} */`;
}

/** A text that ends no comment that it stands in. */
export function escapeComment(text: string): string {
  return text.replaceAll("*/", "*\\/");
}

/** Whether the compiler might find that a field does not fit the index signature beside it. */
function isMixed({ fields, rest }: TypeNode & { readonly kind: "object" }): boolean {
  return fields.length > 0 && rest !== undefined && rest.kind !== "unknown";
}

function objectText(type: TypeNode & { readonly kind: "object" }, style: TypeStyle): string {
  const fields = type.fields.map((field) => fieldText(field, style));
  if (type.rest === undefined) return fields.length === 0 ? "{}" : `{ ${fields.join("; ")} }`;
  const index = `[key: string]: ${writeType(type.rest, style)}`;
  return style.strict && isMixed(type)
    ? `{ ${fields.join("; ")} } & { ${index} }`
    : `{ ${[...fields, index].join("; ")} }`;
}

/** Whether the compiler takes a tuple's items in their order. */
function isOrdered(items: readonly TupleItem[]): boolean {
  const rest = items.findIndex((item) => item.rest === true);
  const head = rest < 0 ? items : items.slice(0, rest);
  const tail = rest < 0 ? [] : items.slice(rest + 1);
  const optional = head.findIndex((item) => item.optional === true);
  return (
    (optional < 0 || head.slice(optional).every((item) => item.optional === true)) &&
    (optional < 0 || tail.length === 0) &&
    tail.every((item) => item.optional !== true && item.rest !== true)
  );
}

function tupleText(items: readonly TupleItem[], style: TypeStyle): string {
  if (style.strict && !isOrdered(items)) {
    return arrayOf({ kind: "union", of: items.map((item) => item.type) }, style);
  }
  const named = items.every(({ name }) => name !== undefined && isIdentifier(name));
  return `[${items.map((item) => itemText(item, named, style)).join(", ")}]`;
}

/** A type as TypeScript, in one line. */
export function writeType(type: TypeNode, style: TypeStyle): string {
  switch (type.kind) {
    case "unknown": {
      const why = style.strict && type.why !== undefined ? inlineComment(type.why, "/*") : "";
      return `unknown${why && " "}${why}`;
    }
    case "date":
      return "Date";
    case "nonprimitive":
      return "object";
    case "template":
      return !style.strict || plainTemplate.test(type.text) ? type.text : "string";
    case "literal":
      return literalText(type.value);
    case "bigint-literal":
      return style.strict && !/^-?\d+$/.test(type.text) ? "bigint" : `${type.text}n`;
    case "bytes":
      return type.name;
    case "array":
      return arrayOf(type.items, style);
    case "tuple":
      return tupleText(type.items, style);
    case "object":
      return objectText(type, style);
    case "union":
      if (type.of.length === 0) return "never";
      return [...new Set(type.of.map((member) => writeType(member, style)))].join(" | ");
    case "ref":
      return style.nameOf(type.name);
    default:
      return type.kind;
  }
}
