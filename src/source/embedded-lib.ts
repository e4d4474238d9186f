/**
 * TypeScript's own declarations as the executable carries them: paths of files that hold JSON, an
 * object of texts by name, compressed. The build puts them in; from source there are none, and the
 * package's own files are read.
 */
export const embeddedLib: { readonly es: string; readonly rest: string } | undefined = undefined;
