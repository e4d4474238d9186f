import { expect, test } from "bun:test";
import ts from "typescript";
import { CompilerFiles, libraryPath } from "../../src/source/compiler-host.ts";
import { plainSettings } from "../../src/source/settings.ts";
import { memoryHost } from "../support/source-host.ts";

const host = memoryHost({ "/m/a.ts": "export {}" }, { library: "declare module 'gee' {}" });

test("the compiler sees the files, its own declarations and the library's", () => {
  const files = new CompilerFiles(host);
  const seen = files.compilerHost("/m");
  expect(seen.readFile("/m/a.ts")).toBe("export {}");
  expect(seen.fileExists("/m/b.ts")).toBe(false);
  expect(seen.readFile(libraryPath)).toBe("declare module 'gee' {}");
  expect(seen.fileExists(`${seen.getDefaultLibLocation?.()}/lib.es5.d.ts`)).toBe(true);
  expect(seen.fileExists(`${seen.getDefaultLibLocation?.()}/lib.es99.d.ts`)).toBe(false);
  expect(seen.realpath?.(libraryPath)).toBe(libraryPath);
  expect(files.lib("lib.es5.d.ts")).toBe(host.libFile("lib.es5.d.ts"));
});

test("it writes nothing, and looks at nothing but what it was handed", () => {
  const looked: string[] = [];
  const watched = memoryHost(
    { "/m/a.ts": "export const a = 1" },
    {
      fileExists: (path) => {
        looked.push(path);
        return path === "/m/a.ts";
      },
    },
  );
  const { options } = plainSettings("/m/a.ts");
  const program = ts.createProgram(
    ["/m/a.ts"],
    options,
    new CompilerFiles(watched).compilerHost("/m"),
  );
  program.emit();
  expect(program.getSyntacticDiagnostics()).toEqual([]);
  expect(looked.filter((path) => !path.startsWith("/m/"))).toEqual([]);
});

test("what is parsed once serves several programs", () => {
  const files = new CompilerFiles(host);
  const { options } = plainSettings("/m/a.ts");
  const make = (): ts.Program => ts.createProgram(["/m/a.ts"], options, files.compilerHost("/m"));
  const [first, second] = [make(), make()];
  expect(first.getSourceFiles().length).toBeGreaterThan(50);
  expect(second.getSourceFiles()).toEqual([...first.getSourceFiles()]);
  expect(second.getSourceFile("/m/a.ts")).toBe(first.getSourceFile("/m/a.ts"));
});
