/** Whether a file is part of an installed package. */
export function isInstalled(path: string): boolean {
  return path.includes("/node_modules/");
}

/** Whether a file is declarations of what the platform itself has: Node's, Bun's. */
export function isPlatform(path: string): boolean {
  return /\/node_modules\/(?:@types\/(?:node|bun)|bun-types)\//.test(path);
}
