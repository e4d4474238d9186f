// For what the compiler checks (`bun check`) and nothing runs.

/** Whether two types are the same one, `any` and modifiers included. */
export type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Does not compile for a type that is not `true`. */
export function holds<_T extends true>(): void {}
