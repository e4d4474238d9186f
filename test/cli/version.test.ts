import { expect, test } from "bun:test";
import manifest from "../../package.json";
import { runVersion, version } from "../../src/cli/version.ts";
import { keptOutput } from "../support/output.ts";

test("the version is that of package.json", async () => {
  expect(version).toBe(manifest.version);
  const text = keptOutput();
  expect(await runVersion(text.output)).toBe(0);
  expect(text.stdout()).toStartWith(`gee ${manifest.version} (Bun ${Bun.version}`);
  const json = keptOutput({ json: true });
  await runVersion(json.output);
  expect(JSON.parse(json.stdout())).toMatchObject({ gee: manifest.version, bun: Bun.version });
});
