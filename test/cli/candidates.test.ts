import { expect, test } from "bun:test";
import { candidates, type LiveNames } from "../../src/cli/candidates.ts";
import { commandList, topics } from "../../src/cli/commands.ts";

const served: Readonly<Record<string, readonly string[]>> = {
  Foo: ["Sum", "Sleep"],
  Food: ["Eat"],
  Bar: ["Buy"],
};

/** What was asked of the servers. */
function names(asked: string[] = []): LiveNames {
  const said = async (what: string, answer: readonly string[]): Promise<readonly string[]> => {
    asked.push(what);
    return answer;
  };
  return {
    services: () => said("services", Object.keys(served)),
    methods: (service) => said(`methods ${service}`, served[service] ?? []),
    instances: () => said("instances", ["ab12", "ac34"]),
    addresses: () => said("addresses", ["tcp@127.0.0.1:4000"]),
  };
}

/** The candidates for a line behind `gee`, whose last word is unfinished. */
async function complete(line: string, live = names()): Promise<readonly string[]> {
  return (await candidates(line.split(" "), live)).map(({ text }) => text);
}

test.each<readonly [line: string, expected: readonly string[]]>([
  // Commands, and what goes before them.
  ["ca", ["call"]],
  ["l", ["list", "ls"]],
  ["desc", ["describe", "desc"]],
  ["--registry http://a ca", ["call"]],
  ["--json li", ["list"]],
  ["--ve", ["--version"]],
  ["xyz ", []],
  ["-- c", []],
  // Methods: a service that stands alone is opened.
  ["call B", ["Bar.Buy"]],
  ["call Foo", ["Foo.", "Food."]],
  ["call Foo.", ["Foo.Sum", "Foo.Sleep"]],
  ["call Foo.S", ["Foo.Sum", "Foo.Sleep"]],
  ["call Foo.Sum", ["Foo.Sum"]],
  ["call Foo.X", []],
  ["call Nope.X", []],
  ["call --timeout 5s Foo.Su", ["Foo.Sum"]],
  ["call --all Foo.Su", ["Foo.Sum"]],
  ["bench Foo.Su", ["Foo.Sum"]],
  ["call Foo.Sum F", []],
  ["call -- Foo.Su", ["Foo.Sum"]],
  // Services.
  ["list F", ["Foo", "Food"]],
  ["ls B", ["Bar"]],
  ["types Foo ", ["Food", "Bar"]],
  ["describe B", ["Bar", "Bar.Buy"]],
  ["describe Foo", ["Foo", "Food", "Foo.", "Food."]],
  ["describe Foo.Sl", ["Foo.Sleep"]],
  // Flags and their values.
  ["call --pol", ["--policy"]],
  ["call Foo.Sum --on", ["--one-way"]],
  ["call --policy ra", ["random"]],
  ["call --policy=ro", ["--policy=round-robin"]],
  ["call --to a", ["ab12", "ac34"]],
  ["call --to=ac", ["--to=ac34"]],
  ["call --address tcp@", ["tcp@127.0.0.1:4000"]],
  ["registry --store s", ["sqlite:"]],
  ["registry --store=", ["--store=memory", "--store=sqlite:", "--store=etcd://"]],
  ["types -o ", []],
  ["types --out f", []],
  ["call -- --pol", []],
  ["call Foo.Sum --data @", []],
  ["call Foo.Sum --timeout ", []],
  // Help, and shells.
  ["help exit", ["exit-codes"]],
  ["help ca", ["call"]],
  ["completions ", ["bash", "zsh", "fish"]],
  ["completions z", ["zsh"]],
  // Files: the shell knows them.
  ["server foo", []],
  ["", commandList.flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias]))],
])("gee %s", async (line, expected) => {
  expect(await complete(line)).toEqual(expected);
});

test("where no argument may stand, flags are proposed", async () => {
  expect(await complete("version ")).toEqual(["--json", "--help"]);
  expect(await complete("list Foo ")).toContain("--registry");
  expect(await complete("events ")).toContain("--token-file");
});

test("every command, flag and topic is among the candidates, and says what it is", async () => {
  for (const { name, flags } of commandList) {
    expect(await complete(name.slice(0, -1))).toContain(name);
    for (const flag of flags) expect(await complete(`${name} --`)).toContain(`--${flag.name}`);
  }
  expect(await complete("help ")).toEqual(expect.arrayContaining([...topics]));
  const [call] = await candidates(["cal"], names());
  expect(call?.about).toContain("calls a method");
});

test("servers are asked for what is to be completed alone", async () => {
  const asked: string[] = [];
  for (const line of [
    "ca",
    "call --po",
    "help c",
    "registry --store s",
    "server x",
    "call A.B 1",
  ]) {
    await complete(line, names(asked));
  }
  expect(asked).toEqual([]);
  await complete("call Foo.S", names(asked));
  expect(asked).toContain("methods Foo");
});

test("a service whose methods are not known goes on with its dot", async () => {
  const live = { ...names(), methods: async () => [] };
  expect(await complete("call Ba", live)).toEqual(["Bar."]);
});
