import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { failureOf, openEnds, wires } from "../support/ends.ts";

// Encoding runs the getters of what is sent, and a getter may do anything.

class Foo {
  ran = 0;

  Echo(value: unknown): unknown {
    this.ran++;
    return value;
  }
}

for (const wire of wires) {
  test(`${wire.name}: an argument that cancels its own call does so before anything is sent`, async () => {
    const foo = new Foo();
    await using ends = await openEnds(wire, { Foo: foo });
    const controller = new AbortController();
    const argument = {
      get value(): number {
        controller.abort();
        return 1;
      },
    };
    const call = ends.call("Foo.Echo", [argument], { signal: controller.signal });
    expect(await failureOf(call.promise)).toMatchObject({ code: "CANCELLED", executed: "no" });
    expect(await ends.call("Foo.Echo", ["next"]).promise).toBe("next");
    expect(foo.ran).toBe(1);
    expect(ends.connection.inFlight).toBe(0);
  });

  test(`${wire.name}: an argument that makes a call of its own has both answered`, async () => {
    await using ends = await openEnds(wire, { Foo: new Foo() });
    let inner: Promise<unknown> = Promise.resolve();
    const argument = {
      get value(): number {
        inner = ends.call("Foo.Echo", ["inner"]).promise;
        return 1;
      },
    };
    const outer = ends.call("Foo.Echo", [argument]);
    expect(await outer.promise).toEqual({ value: 1 });
    expect(await inner).toBe("inner");
  });

  test(`${wire.name}: an argument that closes the connection fails its call as not executed`, async () => {
    const foo = new Foo();
    await using ends = await openEnds(wire, { Foo: foo });
    const argument = {
      get value(): number {
        ends.connection.close(new GeeError("UNAVAILABLE", "closed by an argument"));
        return 1;
      },
    };
    const call = ends.call("Foo.Echo", [argument]);
    expect(await failureOf(call.promise)).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(foo.ran).toBe(0);
  });
}
