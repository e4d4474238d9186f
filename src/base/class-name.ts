/** The name of an instance's class; empty for an object without one. */
export function classNameOf(instance: object): string {
  const prototype: unknown = Object.getPrototypeOf(instance);
  if (typeof prototype !== "object" || prototype === null) return "";
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof made === "function" && made !== Object ? made.name : "";
}
