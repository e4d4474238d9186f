import ts from "typescript";

/** How a value is made of several: `1 << 3`, `Read | Write`. */
const bitwise = /<<|\|/;

/** Whether some numbers are bits and sums of them, with gaps between: 1, 2, 4, 7. */
function areBits(values: readonly number[]): boolean {
  const sorted = [...new Set(values)].sort((one, other) => one - other);
  const isCounted = sorted.every((value, at) => at === 0 || value === (sorted[at - 1] ?? 0) + 1);
  const bits = sorted.filter((value) => value > 0 && (value & (value - 1)) === 0);
  const mask = bits.reduce((all, bit) => all | bit, 0);
  return !isCounted && bits.length > 1 && sorted.every((value) => (value | mask) === mask);
}

/**
 * Whether the members of an enum are to be added up: then any number may be one of its values, and the
 * compiler lets it be.
 */
export function isFlags(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  const members = (symbol.declarations ?? []).flatMap((declaration) =>
    ts.isEnumDeclaration(declaration) ? [...declaration.members] : [],
  );
  const values: number[] = [];
  for (const member of members) {
    const value = checker.getConstantValue(member);
    if (typeof value !== "number") return false;
    values.push(value);
  }
  const isBitwise = members.some(
    ({ initializer }) => initializer !== undefined && bitwise.test(initializer.getText()),
  );
  return isBitwise || areBits(values);
}
