import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { limitLines } from "../../src/cli/limits-help.ts";

const protocol = await Bun.file(
  new URL("../../src/wire/PROTOCOL.md", import.meta.url).pathname,
).text();

test("every limit has a number and says what happens beyond it", () => {
  for (const { limit, value, beyond } of limitLines()) {
    expect(limit).not.toBe("");
    expect(value).toMatch(/\d|quarter|its option/);
    expect(beyond).not.toBe("");
  }
});

test("the numbers are those in force, in units that a person reads", () => {
  const value = (limit: string): string | undefined =>
    limitLines().find((line) => line.limit === limit)?.value;
  expect(value("a message")).toBe("4 MiB");
  expect(value("a caller before its hello")).toBe("4 KiB, 2s");
  expect(value("a frame, from its first byte")).toBe("2s + 1s for each 16 KiB");
  expect(value("a stream without item, credit or end")).toBe("1m");
  expect(value("idempotency keys of a server")).toBe("10,000, each for 5m");
  expect(value("age of a connection")).toBe("30m +-10 %");
  expect(value("pings and idle cancels")).toBe("200 in 10s");
  expect(value("a lease that a server asks for")).toBe("200ms to 5m");
  expect(value("servers that are late all at once")).toBe("15 %, and at least 3, within a lease");
  expect(value("a server that hangs")).toBe("1m");
  expect(value("a request to a registry")).toBe("64 KiB, 5s");
  expect(value("tokens of a registry")).toBe("1,024, of 16 characters or more");
  expect(value("a watch of a registry")).toBe("10m");
  expect(value("watches of a registry")).toBe("16,384");
  expect(value("changes that a registry remembers")).toBe("4,096");
  expect(value("an answer of a registry")).toBe("32 MiB, 2s");
});

test("PROTOCOL.md has the same numbers", () => {
  const stated = [
    limits.maxMessageBytes,
    limits.maxUnfinishedBytes,
    limits.maxMetadataBytes,
    limits.streamWindowBytes,
    limits.streamIdleMs,
    limits.maxIdempotencyKeys,
    limits.maxValueDepth,
    limits.maxItems,
    limits.maxBigintBytes,
    limits.maxCallerHelloBytes,
    limits.maxServerHelloBytes,
    limits.frameBytesPerSecond,
    limits.maxConnections,
    limits.maxConnectionsPerAddress,
    limits.maxInFlight,
    limits.maxRunningHandlers,
    limits.pauseReadingBytes,
    limits.maxUnsentReplyBytes,
    limits.maxBufferedBytes,
    limits.maxControlFrames,
    limits.maxFaultTextLength,
    limits.maxTimeoutMs,
  ];
  const missing = stated.filter((number) => !protocol.includes(number.toLocaleString("en-US")));
  expect(missing).toEqual([]);
});
