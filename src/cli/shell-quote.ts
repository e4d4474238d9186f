/** Text as one word of a POSIX shell, as short as it may be: `'it'\''s'`. */
export function shellQuote(text: string): string {
  if (/^[\w@%+:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
