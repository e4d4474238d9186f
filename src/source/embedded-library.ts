/** The declarations of "gee" as the executable carries them. The build puts them in. */
export const embeddedLibrary: string | undefined = undefined;
