// What the executable carries beside its code, made anew for each build: TypeScript and its
// declarations, those of the library, and the contract of the demo service.

import { join } from "node:path";
import ts from "typescript";
import { rollUpLibrary } from "../src/source/roll-up.ts";
import { readContract } from "../src/source/read-contract.ts";
import { sourceStamp } from "../src/source/stamp.ts";
import { root } from "./steps.ts";

const packageFolder = join(root, "node_modules/typescript/lib");

/** A declaration file without comments, which nobody reads there: 60 % of the language's. */
function withoutComments(text: string): string {
  const scanner = ts.createScanner(
    ts.ScriptTarget.ESNext,
    false,
    ts.LanguageVariant.Standard,
    text,
  );
  let out = "";
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    const token = scanner.getTokenText();
    if (kind === ts.SyntaxKind.SingleLineCommentTrivia) {
      // It names the files that belong to this one.
      if (/^\/\/\/\s*<reference/.test(token)) out += `${token}\n`;
    } else if (kind === ts.SyntaxKind.NewLineTrivia) {
      if (!out.endsWith("\n")) out += "\n";
    } else if (kind === ts.SyntaxKind.WhitespaceTrivia) {
      if (!/\s$/.test(out)) out += " ";
    } else if (kind !== ts.SyntaxKind.MultiLineCommentTrivia) {
      out += token;
    }
  }
  return out;
}

/** Writes TypeScript's declarations of the language, or all others, and returns the file's path. */
async function packLib(folder: string, name: "es" | "rest"): Promise<string> {
  const texts: Record<string, string> = {};
  for (const file of [...new Bun.Glob("lib.*d.ts").scanSync(packageFolder)].sort()) {
    if (/^lib\.(es|decorators)/.test(file) !== (name === "es")) continue;
    texts[file] = withoutComments(await Bun.file(join(packageFolder, file)).text());
  }
  const path = join(folder, `lib-${name}.zst`);
  await Bun.write(path, Bun.zstdCompressSync(JSON.stringify(texts), { level: 19 }));
  return path;
}

/**
 * TypeScript without names and white space, and without a map of its own: 1.7 MB less to carry. Its
 * parts of the executable are nobody's to read in a stack trace.
 */
async function smallTypeScript(): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [join(packageFolder, "typescript.js")],
    target: "bun",
    format: "esm",
    minify: true,
  });
  const [output] = outputs;
  if (output === undefined) throw new Error("TypeScript was not built");
  // It asks for its own folder only to find what the executable has elsewhere.
  return (await output.text()).replaceAll(packageFolder, "/typescript/lib");
}

async function demoContract(): Promise<string> {
  const [contract] = await readContract(join(root, "src/cli/demo-service.ts"), { cacheDir: false });
  const names = contract?.services.map(({ name }) => name);
  if (names?.join() !== "Foo") throw new Error("the demo service's contract was not read");
  // Where it is served nobody has those files, nor the other classes in them.
  return JSON.stringify({ ...contract, marks: {}, files: [] });
}

/** What {@link Bun.build} needs to put all of it in. */
export interface Embedding {
  readonly plugin: Bun.BunPlugin;
  readonly define: Record<string, string>;
}

/** Makes what is carried. Files are put in `folder`, which must last until the build is done. */
export async function embed(folder: string): Promise<Embedding> {
  const [es, rest, typescript, demo] = await Promise.all([
    packLib(folder, "es"),
    packLib(folder, "rest"),
    smallTypeScript(),
    demoContract(),
  ]);
  const contents: Readonly<Record<string, string>> = {
    "src/source/embedded-lib.ts": `
      import es from ${JSON.stringify(es)} with { type: "file" };
      import rest from ${JSON.stringify(rest)} with { type: "file" };
      export const embeddedLib = { es, rest };`,
    "src/source/embedded-library.ts": `export const embeddedLibrary = ${JSON.stringify(rollUpLibrary())};`,
    "src/cli/embedded-demo.ts": `export const embeddedDemo = ${JSON.stringify(demo)};`,
    "node_modules/typescript/lib/typescript.js": typescript,
  };
  return {
    define: { GEE_STAMP: JSON.stringify(sourceStamp()) },
    plugin: {
      name: "embed",
      setup(build) {
        const filter = /(\/src\/(source|cli)\/embedded-\w+\.ts|\/typescript\/lib\/typescript\.js)$/;
        build.onLoad({ filter }, ({ path }) => {
          const text = contents[path.slice(root.length + 1)];
          if (text === undefined) throw new Error(`there is nothing to embed for ${path}`);
          return { contents: text, loader: "js" };
        });
      },
    },
  };
}
