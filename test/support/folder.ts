import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of its own outside the repository, removed when it is disposed. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
  /** Writes a file below the folder and returns its path. */
  write(name: string, text: string): Promise<string>;
}

/** Makes a folder with the files given, by path below it. */
export async function folder(files: Readonly<Record<string, string>> = {}): Promise<Folder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "gee-")));
  const write = async (name: string, text: string): Promise<string> => {
    await Bun.write(join(path, name), text);
    return join(path, name);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  return {
    path,
    write,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
