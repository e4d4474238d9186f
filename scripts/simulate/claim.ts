import { World } from "./world.ts";

/** How a figure is written. */
export type Unit = "%" | "ms" | "s" | "times" | "tries" | "calls";

/** What a figure is held to; one without a bound stands beside another one, to compare. */
export interface Bound {
  readonly kind: "below" | "at most" | "at least";
  readonly value: number;
}

/** One number that a scene came to. Shares are numbers from 0 to 1 in `%`. */
export interface Figure {
  readonly name: string;
  readonly unit: Unit;
  readonly value: number;
  readonly bound: Bound | undefined;
}

/** What one run of a claim came to. */
export interface Result {
  readonly figures: readonly Figure[];
  /** What must not happen in any scene and did, in words. */
  readonly wrongs: readonly string[];
}

/** Something that is said of the client and can be seen in a simulation. */
export interface Claim {
  readonly name: string;
  /** In words, for people. */
  readonly what: string;
  /** Runs its scenes. `crowd`: how many clients there are where it takes a crowd of them. */
  run(seed: number, crowd: number): readonly Result[];
}

/** A figure; `kind` and `bound` say what it is held to. */
export function figure(
  name: string,
  unit: Unit,
  value: number,
  kind?: Bound["kind"],
  bound?: number,
): Figure {
  const held = kind !== undefined && bound !== undefined;
  return { name, unit, value, bound: held ? { kind, value: bound } : undefined };
}

/** Whether a figure is within its bound. What is no number is not. */
export function holds({ value, bound }: Figure): boolean {
  if (bound === undefined) return true;
  switch (bound.kind) {
    case "below":
      return value < bound.value;
    case "at most":
      return value <= bound.value;
    case "at least":
      return value >= bound.value;
    default:
      return bound.kind satisfies never;
  }
}

/** The worse of two of one name: the one that is nearer to its bound, or beyond. */
export function worse(one: Figure, other: Figure): Figure {
  if (Number.isNaN(one.value) || Number.isNaN(other.value)) return holds(one) ? other : one;
  if (other.value === one.value) return one;
  const isLess = other.value < one.value;
  return isLess === (one.bound?.kind === "at least") ? other : one;
}

/** Lets something happen in a new world, and looks whether all is well in it at the end. */
export function scene(seed: number, act: (world: World) => readonly Figure[]): Result {
  const world = new World(seed);
  const figures = act(world);
  return { figures, wrongs: world.wrongs() };
}
