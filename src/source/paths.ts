/** The installed package that a file is part of, by its path; empty for what is in none. */
export function packageOf(path: string): string {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? "";
}

/** Whether a file is declarations of what the platform itself has: Node's, Bun's. */
export function isPlatform(path: string): boolean {
  return /\/node_modules\/(?:@types\/(?:node|bun)|bun-types)\//.test(path);
}
