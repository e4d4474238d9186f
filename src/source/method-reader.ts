import ts from "typescript";
import type { MethodContract } from "../contract/contract.ts";
import { deprecationOf, docOf } from "./docs.ts";
import { readSignature } from "./signature-reader.ts";
import type { TypeReader } from "./type-reader.ts";

/** So many overloads are read. */
const maxSignatures = 100;

/** Those declarations that a caller sees: of overloads not the one with the body. */
function visible(declarations: readonly ts.Declaration[]): readonly ts.Declaration[] {
  if (declarations.length < 2) return declarations;
  return declarations.filter(
    (declaration) => !ts.isMethodDeclaration(declaration) || declaration.body === undefined,
  );
}

/** The ways to call a method. Of one that is there twice, which is an error, the last one runs. */
function signaturesOf(symbol: ts.Symbol, checker: ts.TypeChecker): readonly ts.Signature[] {
  const bodies = (symbol.declarations ?? []).filter(
    (declaration): declaration is ts.MethodDeclaration =>
      ts.isMethodDeclaration(declaration) && declaration.body !== undefined,
  );
  const last = bodies.length > 1 ? bodies.at(-1) : undefined;
  const signature = last === undefined ? undefined : checker.getSignatureFromDeclaration(last);
  if (signature !== undefined) return [signature];
  return checker.getNonNullableType(checker.getTypeOfSymbol(symbol)).getCallSignatures();
}

/** Reads a method. Whatever the compiler makes of it, this does not throw. */
export function readMethod(name: string, symbol: ts.Symbol, reader: TypeReader): MethodContract {
  const { checker } = reader;
  try {
    const doc = docOf(symbol, checker);
    const deprecated = deprecationOf(visible(symbol.declarations ?? []));
    const said = {
      name,
      ...(doc === undefined ? {} : { doc }),
      ...(deprecated === undefined ? {} : { deprecated }),
    };
    const signatures = signaturesOf(symbol, checker)
      .slice(0, maxSignatures)
      .map((signature) => readSignature(signature, reader));
    if (signatures.length === 0) return { ...said, signatures, why: "its type is not known" };
    return { ...said, signatures };
  } catch {
    // The compiler itself gives up on some source.
    return { name, signatures: [], why: "TypeScript could not read it" };
  }
}
