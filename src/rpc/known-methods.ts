import type { MethodFacts, ServerHello } from "../wire/hello.ts";

/** What the server of a connection has said of its methods, found by the names that callers use. */
export class KnownMethods {
  #services: ServerHello["services"] = new Map();
  /** Those that were called. */
  readonly #called: Map<string, MethodFacts> = new Map();

  /** The server has said hello. */
  learn(services: ServerHello["services"]): void {
    this.#services = services;
  }

  /** What is known of `Service.Method`; undefined when the server has not listed it. */
  find(name: string): MethodFacts | undefined {
    return this.#called.get(name) ?? this.#look(name);
  }

  #look(name: string): MethodFacts | undefined {
    const dot = name.lastIndexOf(".");
    const facts = this.#services.get(name.slice(0, dot))?.methods.get(name.slice(dot + 1));
    // Only what the server listed is remembered, so a caller's own names cannot fill the map.
    if (facts !== undefined) this.#called.set(name, facts);
    return facts;
  }
}
