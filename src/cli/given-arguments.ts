import { parseArgument, parseData } from "./literals.ts";

/**
 * The arguments of a call as a person gave them: one by one, or all of them as `--data`.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE
 */
export async function givenArguments({
  positionals,
  data,
}: {
  readonly positionals: readonly string[];
  readonly data: string | undefined;
}): Promise<readonly unknown[]> {
  if (data === undefined) return positionals.map((text, index) => parseArgument(text, index + 1));
  return await parseData(data, {
    file: (path) => Bun.file(path).bytes(),
    stdin: () => Bun.stdin.bytes(),
  });
}
