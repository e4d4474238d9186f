const name = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/** What the names of the services begin with that every server has of its own. */
const ownPrefix = "gee.";

/**
 * Whether text is a name for a person's service or method: a letter, then up to 63 letters, digits or
 * underscores.
 */
export function isServiceName(text: string): boolean {
  return name.test(text);
}

/** Whether a service of that name is one that every server has of its own, such as `gee.Health`. */
export function isOwnService(service: string): boolean {
  return service.startsWith(ownPrefix);
}

/** Whether text is the name of a service that a server may have, be it one of its own. */
export function isServedName(text: string): boolean {
  return name.test(isOwnService(text) ? text.slice(ownPrefix.length) : text);
}

/**
 * A method's name taken apart: `"Foo.Sum"` is service `Foo`, method `Sum`; `"gee.Health.Check"` is
 * service `gee.Health`, method `Check`.
 */
export interface MethodName {
  readonly service: string;
  readonly method: string;
}

/** Names that were taken apart before: a program calls few methods, often. */
const parsed = new Map<string, MethodName>();
const maxParsed = 1_024;

/** Takes `Service.Method` apart; undefined when it does not follow the grammar. */
export function parseMethodName(text: string): MethodName | undefined {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  // The last one: a service of the server's own has one in its name.
  const dot = text.lastIndexOf(".");
  if (dot < 0) return undefined;
  const service = text.slice(0, dot);
  const method = text.slice(dot + 1);
  if (!isServedName(service) || !name.test(method)) return undefined;
  if (parsed.size < maxParsed) parsed.set(text, { service, method });
  return { service, method };
}

/** Edits (insert, delete, replace, swap of neighbours) between two words, case aside. */
function distance(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(
        (above[column] ?? 0) + 1,
        (line[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + same,
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, (before[column - 2] ?? 0) + 1);
      }
      line.push(best);
    }
    before = above;
    above = line;
  }
  return above[b.length] ?? 0;
}

/**
 * The word among `known` that somebody who typed `text` most likely meant, or undefined when none
 * is near: at most a third of the longer word differs. Looks at 1,000 words at the most.
 */
export function nearest(text: string, known: Iterable<string>): string | undefined {
  const word = text.slice(0, 129);
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  let looked = 0;
  for (const candidate of known) {
    if (++looked > 1_000) break;
    const edits = distance(word, candidate);
    const allowed = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (edits <= allowed && edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

/** The entries of a list that a person writes with commas between them; empty ones do not count. */
export function splitList(value: string | readonly string[]): readonly string[] {
  return (typeof value === "string" ? value.split(",") : value)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}
