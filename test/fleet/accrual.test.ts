import { expect, test } from "bun:test";
import { Accrual } from "../../src/fleet/accrual.ts";

function counted(ok: number, failed: number): Accrual {
  const accrual = new Accrual();
  accrual.ok = ok;
  accrual.failed = failed;
  return accrual;
}

test.each([
  [0, 0, undefined],
  [0, 4, undefined],
  [3, 2, "success rate"],
  [4, 1, undefined],
  [79, 21, "success rate"],
  [80, 20, undefined],
] as const)("%p answers and %p failures: %p", (ok, failed, expected) => {
  expect(counted(ok, failed).fault).toBe(expected);
});

test("five failures in a row are too many, however many answers there were before", () => {
  const accrual = counted(10_000, 5);
  accrual.failuresInARow = 4;
  expect(accrual.fault).toBeUndefined();
  accrual.failuresInARow = 5;
  expect(accrual.fault).toBe("failures in a row");
});

test("three stretches count, and older ones do not", () => {
  const accrual = new Accrual();
  for (const stretch of [0, 1, 2]) {
    accrual.goOnTo(stretch);
    accrual.ok = 10 ** stretch;
    accrual.failed = 0;
  }
  expect(accrual.calls).toBe(111);
  accrual.goOnTo(3);
  expect([accrual.calls, accrual.okBefore]).toEqual([110, 100]);
  accrual.goOnTo(4);
  expect([accrual.calls, accrual.okBefore]).toEqual([100, 0]);
  accrual.goOnTo(5);
  expect(accrual.calls).toBe(0);
});

test.each([
  [2, 8],
  [3, 0],
  [50, 0],
])("%p stretches at once", (passed, left) => {
  const accrual = counted(5, 3);
  accrual.goOnTo(passed);
  expect(accrual.calls).toBe(left);
});

test("answers of all three stretches count for the rate", () => {
  for (const passed of [0, 1, 2]) {
    const accrual = counted(8, 0);
    accrual.goOnTo(passed);
    accrual.failed += 2;
    expect(accrual.fault).toBeUndefined();
    accrual.failed++;
    expect(accrual.fault).toBe("success rate");
  }
});

test("whoever comes back has nothing against it", () => {
  for (const passed of [0, 1, 2]) {
    const accrual = counted(8, 8);
    accrual.failuresInARow = 8;
    accrual.isSick = true;
    accrual.goOnTo(passed);
    accrual.goOut(0, () => 1_000);
    accrual.comeBack(1_000);
    expect(accrual.calls).toBe(0);
    expect([accrual.failuresInARow, accrual.isIn, accrual.isSick]).toEqual([0, true, false]);
    expect(accrual.passedByUntil(1_000)).toBeLessThanOrEqual(1_000);
  }
});

test("a probe is under way for ten seconds, by whatever clock, and ends when it fails", () => {
  const accrual = new Accrual();
  accrual.goOut(0, () => 1_000);
  accrual.probe(2_000);
  expect(accrual.passedByUntil(2_000)).toBe(12_000);
  expect(accrual.passedByUntil(1_500)).toBe(11_500);
  accrual.stayOut(2_100, () => 1_000, true);
  expect(accrual.passedByUntil(2_100)).toBe(3_100);
});

test("time in makes up for times out, one for each thirty seconds", () => {
  const timesAfter = (inMs: number): number => {
    const accrual = new Accrual();
    let now = 0;
    for (let turn = 0; turn < 3; turn++) {
      accrual.goOut(now, () => 1_000);
      now += 1_000;
      accrual.comeBack(now);
    }
    expect(accrual.times).toBe(3);
    accrual.goOut(now + inMs, () => 1_000);
    return accrual.times;
  };
  expect([0, 29_999, 30_000, 60_000, 90_000, 1e9].map(timesAfter)).toEqual([4, 4, 3, 2, 1, 1]);
  // A clock that went back forgives nothing and adds nothing.
  expect(timesAfter(-3_600_000)).toBe(4);
});

test("nobody is out more often than ten times", () => {
  const accrual = new Accrual();
  accrual.goOut(0, () => 1);
  for (let turn = 0; turn < 100; turn++) accrual.stayOut(0, () => 1, true);
  expect(accrual.times).toBe(10);
});
