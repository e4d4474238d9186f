import { GeeError } from "../base/errors.ts";
import { askChild } from "./run-child.ts";

const timeoutMs = 20_000;

/**
 * The declarations of everything that "gee" exports, as the text of one `gee.d.ts`: for editors on
 * machines where the package is not installed. It needs nothing beside it but TypeScript's ESNext.
 *
 * @throws GeeError FAILED_PRECONDITION, reason CHILD_FAILED; UNIMPLEMENTED, reason NO_CHILD, in an
 *   executable that has the library built in and is not gee itself
 */
export async function libraryDeclarations(): Promise<string> {
  // Loaded when it is asked for: a server has no use for the text.
  const { embeddedLibrary } = await import("./embedded-library.ts");
  if (embeddedLibrary !== undefined) return embeddedLibrary;
  const { library } = await askChild({ mode: "library", paths: [] }, { timeoutMs });
  if (library !== undefined) return library;
  throw new GeeError("FAILED_PRECONDITION", "there are no declarations", {
    reason: "CHILD_FAILED",
  });
}
