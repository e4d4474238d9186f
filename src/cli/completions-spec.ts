import { json } from "./command-spec.ts";
import type { CommandSpec } from "./command-spec.ts";

/** The shells that there are completions for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** One of {@link shells}. */
export type Shell = (typeof shells)[number];

/** `gee completions` as the help shows it. */
export const completionsSpec: CommandSpec = {
  name: "completions",
  usage: shells.join("|"),
  arguments: [1, 1],
  summary: "prints a script for a shell: the Tab key completes commands, services and methods",
  flags: [json],
  notes: [
    'Nothing is edited. A line for ~/.bashrc: eval "$(gee completions bash)"',
    'For ~/.zshrc, behind compinit: eval "$(gee completions zsh)"',
    "For ~/.config/fish/config.fish: gee completions fish | source",
    "Names come from the registry of the line that is typed, or of GEE_REGISTRY, within 150 ms; for 5 s",
    "they are kept in the folder gee of XDG_CACHE_HOME, or of ~/.cache. What is typed is never run.",
  ],
  examples: ['eval "$(gee completions bash)"', "gee completions fish | source"],
};
