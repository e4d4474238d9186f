import { version as manifestVersion } from "../../package.json";
import type { Output } from "./output.ts";

/** This gee's version, from package.json; the bundler puts the text itself into the executable. */
export const version: string = manifestVersion;

/** `gee version`. */
export async function runVersion(output: Output): Promise<number> {
  if (output.json) await output.value({ gee: version, bun: Bun.version, platform: platform() });
  else await output.data(`gee ${version} (Bun ${Bun.version}, ${platform()})`);
  return 0;
}

function platform(): string {
  return `${process.platform}-${process.arch}`;
}
