/** The demo service's contract as the executable carries it, in JSON. The build puts it in. */
export const embeddedDemo: string | undefined = undefined;
