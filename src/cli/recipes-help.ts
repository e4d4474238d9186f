/** Something that people want, and the lines that do it. */
export interface Recipe {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Command lines to copy, by what one may want. */
export const recipes: readonly Recipe[] = [
  {
    title: "Write a service: every edit is served at once",
    lines: ["gee dev foo.ts"],
  },
  {
    title: "Serve a class and call it",
    lines: ["gee registry &", "gee server foo.ts &", "gee call Foo.Sum 1 2"],
  },
  {
    title: "The same without a registry",
    lines: [
      "gee server foo.ts --no-register --listen tcp@127.0.0.1:4000 &",
      "gee call Foo.Sum 1 2 --address tcp@127.0.0.1:4000",
    ],
  },
  {
    title: "Every core of this machine, and new code without a lost call",
    lines: ["gee server foo.ts --workers $(nproc) &", "kill -HUP $!"],
  },
  {
    title: "What is there, and how is it called?",
    lines: ["gee list", "gee describe Foo", "gee describe Foo.Sum"],
  },
  {
    title: "A typed client in a folder that has neither the source nor the package",
    lines: ["gee types Foo --out foo.d.ts", "gee types --library --out gee.d.ts"],
  },
  {
    title: "Stop a release whose servers no longer fit the callers",
    lines: ["gee types --check foo.d.ts || exit 1"],
  },
  {
    title: "Arguments from a file, and from another program",
    lines: [
      "gee call Users.Create --data @user.json",
      `echo '{"name":"Ada"}' | gee call Users.Create --data @-`,
    ],
  },
  {
    title: "Streams: a line for each item, either way",
    lines: [
      "gee call Foo.Count 1000 | head -3",
      "seq 3 | gee call Foo.Total --stream @-",
      'gee call Log.Follow --json | while read -r line; do echo "$line"; done',
    ],
  },
  {
    title: "In a script: the result, or what went wrong",
    lines: ['sum=$(gee call Foo.Sum 1 2 --json) || echo "it failed with $?"'],
  },
  {
    title: "Wait for a server that is about to start",
    lines: [
      "gee ping Foo --wait 30s && gee call Foo.Sum 1 2",
      "gee call Foo.Sum 1 2 --wait --timeout 30s",
    ],
  },
  {
    title: "How fast is it, and did that change?",
    lines: [
      "gee bench Foo.Sum 1 2 --rate 1000 --duration 10s --json > before.json",
      "gee bench Foo.Sum 1 2 --rate 1000 --duration 10s --compare before.json --max-p99 5ms",
    ],
  },
  {
    title: "Every instance, or a certain one",
    lines: ["gee call Cache.Clear --all", "gee list Cache", "gee call Cache.Clear --to ID"],
  },
  {
    title: "Try a new version on few calls",
    lines: [
      "gee server foo.ts --tag stage=canary --weight 0.1 &",
      "gee call Foo.Sum 1 2 --tag stage=canary",
    ],
  },
  {
    title: "Send it again without doing it twice",
    lines: ['gee call Shop.Buy tea --key "order 7" --to ID'],
  },
  {
    title: "A registry that remembers, and two of them",
    lines: [
      "gee registry --store sqlite:registry.db &",
      "gee server foo.ts --registry http://10.0.0.5:9999,http://10.0.0.6:9999 &",
    ],
  },
  {
    title: "Beyond this machine: tokens say who may read and register",
    lines: [
      'echo "$(openssl rand -hex 16) write" > tokens && chmod 600 tokens',
      "gee registry --listen 10.0.0.5:9999 --token-file tokens &",
    ],
  },
  {
    title: "Follow the fleet",
    lines: ["gee events", "gee events --json | jq -r .address"],
  },
  {
    title: "Complete commands, services and methods with the Tab key",
    lines: ['eval "$(gee completions bash)"'],
  },
];
