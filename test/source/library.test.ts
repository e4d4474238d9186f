import { expect, setDefaultTimeout, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import * as gee from "../../src/index.ts";
import { libraryDeclarations } from "../../src/source/library.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

const text = await libraryDeclarations();

/** A program of somebody who has this file and TypeScript, and nothing else. */
const consumer = `
  import { callContext, connect, fault, GeeError, isFault, serve } from "gee";
  import type { CallOptions, Fault, Member, Metadata, ModuleContract } from "gee";

  export type ShopFaults = Fault<"FAILED_PRECONDITION", "SOLD_OUT", { left: number }>;

  class Shop {
    async Buy(item: string, count = 1): Promise<{ item: string; count: number }> {
      const { signal, remainingMs } = callContext();
      if (signal.aborted || (remainingMs ?? 0) < 1) {
        throw fault<ShopFaults>({
          code: "FAILED_PRECONDITION", reason: "SOLD_OUT", message: item, details: { left: 0 },
        });
      }
      return { item, count };
    }
    async *Count(to: number): AsyncGenerator<number> { for (let i = 1; i <= to; i++) yield i; }
    private secret(): void {}
  }

  export async function main(contract: ModuleContract): Promise<number> {
    await using server = await serve({ services: { Shop: new Shop() }, listen: "tcp@127.0.0.1:0" });
    await using gee = connect({ address: server.address });
    const options = { timeoutMs: 200 } satisfies CallOptions;
    const shop = gee.service<Shop>("Shop", options);
    const { count }: { count: number } = await shop.Buy("a");
    for await (const n of shop.Count(3)) n.toFixed();
    const members: readonly Member[] = await gee.members("Shop");
    const metadata: Metadata = { a: "b" };
    try {
      await gee.call("Shop.Buy", [members.length], { metadata });
    } catch (error) {
      if (isFault<ShopFaults>(error)) return error.details.left;
      if (error instanceof GeeError) return error.message.length;
    }
    return count + contract.services.length;
  }

  export function wrong(shop: ReturnType<typeof connect>): void {
    // @ts-expect-error -- it is no number
    void shop.service<Shop>("Shop").Buy(1);
    // @ts-expect-error -- it is private
    void shop.service<Shop>("Shop").secret();
    // @ts-expect-error -- there is no such option
    connect({ regitsry: "" });
    // @ts-expect-error -- what only the library's own types use is not given out
    type Own = import("gee").OwnFacts;
  }
`;

async function complaints(extra: ts.CompilerOptions): Promise<readonly string[]> {
  await using place = await folder({ "gee.d.ts": text, "consumer.ts": consumer });
  const packages = fileURLToPath(new URL("../../node_modules", import.meta.url));
  if (extra.types !== undefined) await symlink(packages, `${place.path}/node_modules`);
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.Preserve,
    lib: ["lib.esnext.d.ts"],
    types: [],
    ...extra,
  };
  const files = ["gee.d.ts", "consumer.ts"].map((name) => `${place.path}/${name}`);
  const program = ts.createProgram(files, options, {
    ...ts.createCompilerHost(options),
    getCurrentDirectory: () => place.path,
  });
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file === undefined || file.fileName.startsWith(`${place.path}/`))
    .filter(({ file }) => file?.fileName.includes("/node_modules/") !== true)
    .map(({ messageText, file, start }) => {
      const line = file === undefined ? "" : file.text.slice(start).split("\n", 1)[0];
      return `${ts.flattenDiagnosticMessageText(messageText, " ")} at ${line}`;
    });
}

test("an empty project compiles with it alone", async () => {
  expect(await complaints({})).toEqual([]);
});

test("it stands beside a browser's types, and beside Bun's", async () => {
  expect(await complaints({ lib: ["lib.esnext.d.ts", "lib.dom.d.ts"] })).toEqual([]);
  expect(await complaints({ types: ["bun-types"] })).toEqual([]);
});

test("everything that the library exports is in it, and nothing that is not", async () => {
  const index = await Bun.file(new URL("../../src/index.ts", import.meta.url)).text();
  const lists = [...index.matchAll(/export (?:type )?\{([^}]*)\}/g)];
  const names = lists.flatMap(([, list = ""]) => list.split(",")).map((name) => name.trim());
  const exported = [...text.matchAll(/^  export (?!\{)\w+ (\w+)/gm)].map(([, name = ""]) => name);
  expect([...new Set(exported)].sort()).toEqual(names.filter((name) => name !== "").sort());
  expect(exported).toEqual(expect.arrayContaining(Object.keys(gee)));
  expect(text).not.toContain("#private");
});

test("what is said of a thing stays with it", () => {
  expect(text).toContain("Makes a client. Nothing is opened before the first call.");
  expect(text).toContain(
    "    /** The deadline of calls that name none. Default 10 s. */\n    readonly timeoutMs?:",
  );
});
