import { Deadlines } from "./base/deadlines.ts";
import { GeeError } from "./base/errors.ts";
import { limits } from "./base/limits.ts";
import { stderrLog } from "./base/log.ts";
import { systemClock } from "./base/time.ts";
import type { Clock } from "./base/time.ts";
import { parseContracts } from "./contract/parse.ts";
import { resolverOf } from "./discovery/member-source.ts";
import type { ConnectOptions, Gee } from "./client/gee.ts";
import { createDial } from "./net/dial.ts";
import type { OpenLink } from "./rpc/lane.ts";
import { Pool } from "./rpc/pool.ts";
import { ContractGuard } from "./rpc/contract-guard.ts";
import { failedCall } from "./rpc/callable.ts";
import { interceptCalls, interceptWork } from "./rpc/interceptors.ts";
import type { Invocation } from "./rpc/interceptors.ts";
import { createStubs, noOptions } from "./rpc/remote.ts";
import { checkMaxMessageBytes } from "./wire/hello.ts";
import {
  everyAnswer,
  everyOutcome,
  firstAnswer,
  firstAnswers,
  quorumOf,
} from "./routing/fan-out.ts";
import type { MemberCall } from "./routing/fan-out.ts";
import { checkCanary, checkSubset } from "./routing/fleet-options.ts";
import {
  createPatienceMaker,
  createRequestMaker,
  policyNamed,
  withSignal,
} from "./routing/request.ts";
import { memberOf } from "./routing/routed-call.ts";
import { Router } from "./routing/router.ts";

export type { CallOptions } from "./rpc/remote.ts";
export type { Outcome } from "./routing/fan-out.ts";
export type { ConnectOptions, Gee, ReadyOptions } from "./client/gee.ts";

function wrong(message: string, hint?: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", message, {
    reason: "BAD_OPTION",
    executed: "no",
    hint,
  });
}

/**
 * Makes a client. Nothing is opened before the first call.
 *
 * @throws GeeError INVALID_ARGUMENT for options that cannot be right
 */
export function connect(options: ConnectOptions = {}): Gee {
  return connectOver(createDial, options);
}

/**
 * The same over links of any kind: `dialOf` makes what opens them.
 *
 * @throws GeeError INVALID_ARGUMENT for options that cannot be right
 */
export function connectOver(dialOf: (clock: Clock) => OpenLink, options: ConnectOptions): Gee {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? stderrLog;
  const policy = policyNamed(options.policy ?? "p2c");
  const { interceptors = [], maxMessageBytes = limits.maxMessageBytes } = options;
  checkMaxMessageBytes(maxMessageBytes);
  const deadlines = new Deadlines(clock);
  const resolver = resolverOf(options, clock, log);
  const guard =
    options.contract === undefined
      ? undefined
      : new ContractGuard(parseContracts(options.contract), deadlines, log);
  const router = new Router({
    clock,
    log,
    resolver,
    pool: new Pool({
      open: dialOf(clock),
      clock,
      deadlines,
      maxMessageBytes,
      greeted: guard === undefined ? undefined : (connection) => guard.greeted(connection),
    }),
    guard,
    deadlines,
    policy,
    named: options.address !== undefined,
    zone: options.zone,
    canary: checkCanary(options.canary),
    subsetSize: checkSubset(options.subsetSize),
  });

  const request = createRequestMaker(clock, options.timeoutMs);
  const patience = createPatienceMaker(clock, options.timeoutMs);

  // Not async functions: a call is one promise, and each layer of them would cost a turn.
  const makeCall = interceptCalls((method, args, own) => {
    try {
      return router.call(request(method, args, own));
    } catch (error) {
      return failedCall(error);
    }
  }, interceptors);
  const call: Gee["call"] = (method, args = [], own = noOptions) => makeCall(method, args, own);

  /** Calls every member, and cancels what is left when `work` is done with the answers. */
  async function callAll<T>(
    { method, args, options: own }: Invocation,
    work: (calls: readonly MemberCall[]) => Promise<T>,
    check?: (called: number, listed: number) => void,
  ): Promise<T> {
    const wanted = request(method, args, own);
    if (wanted.stream !== undefined) throw wrong("a stream can be sent to one server only");
    const rest = new AbortController();
    const signal =
      wanted.signal === undefined ? rest.signal : AbortSignal.any([wanted.signal, rest.signal]);
    const calls = await router.callAll(withSignal(wanted, signal), check);
    let why: unknown;
    try {
      return await work(calls);
    } catch (error) {
      why = error;
      throw error;
    } finally {
      rest.abort(why);
    }
  }

  /**
   * The same behind the interceptors. What one of them makes of the values of a single answer is what
   * the caller gets; lists of answers are handed on as they are.
   */
  async function callAllAs<T>(
    invocation: Invocation,
    work: (calls: readonly MemberCall[]) => Promise<readonly T[]>,
    check?: (called: number, listed: number) => void,
  ): Promise<readonly T[]> {
    let found: readonly T[] = [];
    await interceptWork(interceptors, invocation, async (made) => {
      found = await callAll(made, work, check);
      return found;
    });
    return found;
  }

  return {
    call,
    service: createStubs(makeCall),
    broadcast: (method, args = [], own = {}) =>
      interceptWork(interceptors, { method, args, options: own }, (invocation) =>
        callAll(invocation, everyAnswer),
      ),
    broadcastAll: (method, args = [], own = {}) =>
      callAllAs({ method, args, options: own }, everyOutcome),
    fork: (method, args = [], own = {}) =>
      interceptWork(interceptors, { method, args, options: own }, (invocation) =>
        callAll(invocation, firstAnswer),
      ),
    quorum(count, method, args = [], own = {}) {
      let needed = 0;
      return callAllAs(
        { method, args, options: own },
        (calls) => firstAnswers(calls, needed),
        (called, listed) => {
          needed = quorumOf(count, called, listed);
        },
      );
    },
    async ready(name, { timeoutMs, signal } = {}) {
      await router.ready(name, patience(name, timeoutMs, signal));
    },
    answeredBy: memberOf,
    registries: () => resolver.registries(),
    members: (wanted) => router.members(wanted),
    watchMembers: () => router.watchMembers(),
    [Symbol.asyncDispose]: () => router.close(options.drainTimeoutMs ?? limits.drainTimeoutMs),
  };
}
