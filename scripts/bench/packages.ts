// Peers that come in packages: not gee's, so in a folder of their own with a lock of their own, and
// installed when somebody measures them.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(import.meta.resolve("./packages/"));

/** So long may the registry take; without one it is not long at all. */
const installTimeoutMs = 60_000;

function manifest(path: string): Promise<Readonly<Record<string, unknown>>> {
  return Bun.file(path).json();
}

/** Whether each package is there in the version that is asked for. */
async function areThere(): Promise<boolean> {
  const { dependencies } = await manifest(`${folder}package.json`);
  for (const [name, version] of Object.entries(dependencies ?? {})) {
    const path = `${folder}node_modules/${name}/package.json`;
    if (!existsSync(path) || (await manifest(path))["version"] !== version) return false;
  }
  return true;
}

/** Installs them unless they are there. Returns why they are not, when that fails. */
export async function installPackages(): Promise<string | undefined> {
  if (await areThere()) return undefined;
  console.error("installing what gee is measured beside");
  const install = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: installTimeoutMs,
  });
  const [errors, exitCode] = await Promise.all([install.stderr.text(), install.exited]);
  if (exitCode === 0 && (await areThere())) return undefined;
  const reason = /^error: .*/m.exec(errors)?.[0] ?? `bun install ended with ${exitCode}`;
  return `its package could not be installed (${reason})`;
}
