/**
 * A word as a shell would hand it on: quotes and backslashes taken off, and nothing else. What a
 * shell would expand or run stays the text that it is. A quote may still be open.
 */
export function unquoted(word: string): string {
  let text = "";
  let quote = "";
  for (let index = 0; index < word.length; index++) {
    const sign = word[index] ?? "";
    if (quote === "'" && sign !== "'") text += sign;
    else if (sign === "\\") {
      index += 1;
      const next = word[index] ?? "";
      text += quote === '"' && !'"\\$`'.includes(next) ? sign + next : next;
    } else if (sign === quote) quote = "";
    else if (quote === "" && (sign === "'" || sign === '"')) quote = sign;
    else text += sign;
  }
  return text;
}

/** What is known of the words before the one that is being typed. */
export interface TypedWords {
  /** The command's word; undefined while there is none. */
  readonly command: string | undefined;
  /** How many arguments stand before it. */
  readonly operands: readonly string[];
  /** The values of flags, by their names. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** The flag, with its dashes, whose value is to come. */
  readonly awaits: string | undefined;
  /** Behind `--` everything is an argument. */
  readonly onlyArguments: boolean;
}

/** Sorts words into a command, its arguments and flags. `takesValue`: of a flag with its dashes. */
export function sortWords(
  words: readonly string[],
  takesValue: (flag: string) => boolean,
): TypedWords {
  const operands: string[] = [];
  const values = new Map<string, readonly string[]>();
  const keep = (flag: string, value: string): void => {
    values.set(flag, [...(values.get(flag) ?? []), value]);
  };
  let command: string | undefined;
  let awaits: string | undefined;
  let onlyArguments = false;
  for (const word of words) {
    const [flag, ...rest] = word.split("=");
    if (awaits !== undefined) {
      keep(awaits, word);
      awaits = undefined;
    } else if (!onlyArguments && word === "--") onlyArguments = true;
    else if (!onlyArguments && word.startsWith("-") && !/^-[.\d]/.test(word)) {
      if (rest.length > 0 && flag !== undefined) keep(flag, rest.join("="));
      else if (takesValue(word)) awaits = word;
    } else if (command === undefined && !onlyArguments) command = word;
    else operands.push(word);
  }
  return { command, operands, values, awaits, onlyArguments };
}
