import ts from "typescript";
import { literalFlag, primitiveFlags } from "./shapes.ts";

/** A type's `[Symbol.asyncIterator]`: the compiler gives it a name of its own. */
function asyncIteratorOf(type: ts.Type, checker: ts.TypeChecker): ts.Symbol | undefined {
  return checker.getPropertiesOfType(type).find(({ name }) => name.startsWith("__@asyncIterator@"));
}

function resultsOf(symbol: ts.Symbol, checker: ts.TypeChecker): readonly ts.Type[] {
  return checker
    .getTypeOfSymbol(symbol)
    .getCallSignatures()
    .map((signature) => checker.getReturnTypeOfSignature(signature));
}

/** What `next` of an iterator gives that is no end. */
function nextItems(next: ts.Symbol, checker: ts.TypeChecker): readonly ts.Type[] | undefined {
  const [answer] = resultsOf(next, checker);
  const result = answer === undefined ? undefined : checker.getAwaitedType(answer);
  if (result === undefined) return undefined;
  const items: ts.Type[] = [];
  for (const member of result.isUnion() ? result.types : [result]) {
    const done = checker.getPropertyOfType(member, "done");
    const value = checker.getPropertyOfType(member, "value");
    if (value === undefined) return undefined;
    const isEnd = done !== undefined && literalFlag(checker.getTypeOfSymbol(done)) === true;
    const item = checker.getTypeOfSymbol(value);
    // A generator that yields promises gives what they resolve to.
    if (!isEnd) items.push(checker.getAwaitedType(item) ?? item);
  }
  return items;
}

const noItems = ts.TypeFlags.Any | ts.TypeFlags.Never | primitiveFlags;

function asyncItems(type: ts.Type, checker: ts.TypeChecker): readonly ts.Type[] | undefined {
  const symbol = asyncIteratorOf(type, checker);
  if (symbol === undefined) return undefined;
  const [iterator] = resultsOf(symbol, checker);
  const next = iterator === undefined ? undefined : checker.getPropertyOfType(iterator, "next");
  return next === undefined ? [] : (nextItems(next, checker) ?? []);
}

function syncItems(type: ts.Type, checker: ts.TypeChecker): readonly ts.Type[] | undefined {
  const next = checker.getPropertyOfType(type, "next");
  if (next === undefined || resultsOf(next, checker).length === 0) return undefined;
  return nextItems(next, checker) ?? [];
}

/** What each member of a union gives, if all of them give something. */
function ofEach(
  type: ts.Type,
  one: (member: ts.Type) => readonly ts.Type[] | undefined,
): readonly ts.Type[] | undefined {
  const all: ts.Type[] = [];
  for (const member of type.isUnion() ? type.types : [type]) {
    if ((member.flags & noItems) !== 0) return undefined;
    const items = one(member);
    if (items === undefined) return undefined;
    all.push(...items);
  }
  return all;
}

/**
 * The types of the items when a value of a type is sent item by item as an answer: when it can be
 * iterated with `for await`, or has a `next` as generators and iterators do. None when nothing is known
 * of the items; undefined for a plain value, such as an array.
 */
export function answerItems(
  type: ts.Type,
  checker: ts.TypeChecker,
): readonly ts.Type[] | undefined {
  return ofEach(type, (member) => asyncItems(member, checker) ?? syncItems(member, checker));
}

/** The same for an argument: only what is iterated with `for await` is sent item by item. */
export function argumentItems(
  type: ts.Type,
  checker: ts.TypeChecker,
): readonly ts.Type[] | undefined {
  return ofEach(type, (member) => asyncItems(member, checker));
}
