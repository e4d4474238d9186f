/** The first word of the command line on which the executable is the child that reads source. */
export const childWord = "--read-source";
