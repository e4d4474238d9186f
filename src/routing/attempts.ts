import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { nearest } from "../base/names.ts";
import type { Clock } from "../base/time.ts";
import { wrongInstance } from "../rpc/refusals.ts";
import type { Connection } from "../rpc/connection.ts";
import type { ContractGuard } from "../rpc/contract-guard.ts";
import type { Backend } from "./backend.ts";
import type { Retrying } from "./retrying.ts";
import type { RoutedCall } from "./routed-call.ts";
import type { Strangers } from "./strangers.ts";

/** One attempt: a call, a member, a connection to it, and the sending. */
export class Attempts {
  readonly #clock: Clock;
  readonly #strangers: Strangers;
  readonly #retrying: Retrying;
  /** Undefined of a client that was built against no contract. */
  readonly #guard: ContractGuard | undefined;

  constructor(
    clock: Clock,
    strangers: Strangers,
    retrying: Retrying,
    guard: ContractGuard | undefined,
  ) {
    this.#clock = clock;
    this.#strangers = strangers;
    this.#retrying = retrying;
    this.#guard = guard;
  }

  /** Sends a call to a member, at once when there is a connection. */
  ask(call: RoutedCall, backend: Backend, now: number): void {
    call.backend = backend;
    if (call.sends > 0) call.memory.sentBefore = call.sends;
    // From here on and not only when it is sent: who waits for a dial is load to come.
    call.fleet?.begin(backend, now);
    const connection = backend.lane.ready;
    if (connection === undefined) void this.#dial(call, backend);
    else this.#send(call, backend, connection, now);
  }

  async #dial(call: RoutedCall, backend: Backend): Promise<void> {
    const trail = call.memory;
    const dial = ++trail.dials;
    const isOver = (): boolean => call.settled || trail.dials !== dial;
    let isDone = false;
    const look = (): void => {
      slow.cancel();
      if (isDone || isOver() || this.#retrying.givesUp(call, this.#clock.now())) return;
      this.#passBy(call, backend, look);
      if (!isDone && !isOver()) slow = this.#clock.after(limits.slowDialMs, look);
    };
    // What was dialled beside it, and is done later, must not send the call a second time.
    const done = (): void => {
      isDone = true;
      slow.cancel();
    };
    let slow = this.#clock.after(limits.slowDialMs, look);
    try {
      const connection = await backend.lane.connect();
      done();
      if (!isOver()) this.#send(call, backend, connection, this.#clock.now());
    } catch (thrown) {
      done();
      const error = GeeError.from(thrown, "no");
      if (isOver()) this.#strangers.noteFailure(backend.member, error);
      else call.fail(error);
    }
  }

  /**
   * A call waits for a connection, while another member has one: it goes there. When nobody has, one
   * more is dialled, and whoever answers first gets the call (as RFC 8305 does with addresses);
   * `look` is told when that is another one.
   */
  #passBy(call: RoutedCall, backend: Backend, look: () => void): void {
    const { fleet, request, trail } = call;
    if (fleet === undefined || trail === undefined || trail.solo || trail.only !== undefined)
      return;
    const now = this.#clock.now();
    const other = fleet.chooseConnected(request, now, trail.tried);
    if (other === undefined) {
      const next = fleet.choose(request, now, new Set([...trail.tried, backend]));
      next?.lane.whenConnected(look, (error) => this.#strangers.noteFailure(next.member, error));
      return;
    }
    if (other === backend) return;
    this.#retrying.over(call, fleet, backend, undefined, now);
    trail.tried.add(backend);
    trail.dials++;
    this.ask(call, other, now);
  }

  #send(call: RoutedCall, backend: Backend, connection: Connection, now: number): void {
    const { request } = call;
    const { member } = backend;
    const { hello } = connection;
    this.#strangers.noteHello(member);
    if (
      member.services === undefined &&
      hello?.complete === true &&
      !hello.services.has(request.service)
    ) {
      // An old member's hello is the first word on what it serves.
      const near = nearest(request.service, hello.services.keys());
      call.fail(
        new GeeError("UNIMPLEMENTED", `there is no service ${request.service}`, {
          reason: "NO_SUCH_METHOD",
          executed: "no",
          hint: near === undefined ? undefined : `did you mean ${near}?`,
        }),
      );
      return;
    }
    const refusal = this.#guard?.refusal(connection, request.method);
    if (refusal !== undefined) {
      call.fail(refusal);
      return;
    }
    call.sentAt = now;
    const leftMs = call.trail === undefined ? request.timeoutMs : call.deadlineAt - now;
    if (request.idempotencyKey !== undefined) {
      const { only } = call.memory;
      if (only !== undefined && only.instance !== hello?.instance) {
        call.fail(wrongInstance());
        return;
      }
      call.memory.instance = hello?.instance;
    }
    connection.start(call, leftMs);
  }
}
