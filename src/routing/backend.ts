import { Accrual } from "../fleet/ejection.ts";
import { Endpoint } from "../fleet/endpoint.ts";
import type { Member } from "../discovery/member.ts";
import type { Lane } from "../rpc/lane.ts";
import { methodFlags } from "../wire/hello.ts";

/** What tells members apart. */
export function keyOf({ address, id }: Pick<Member, "address" | "id">): string {
  return `${address} ${id ?? ""}`;
}

/** What says whether a call may run more than once. */
export interface Repeatable {
  readonly idempotent: boolean;
  readonly service: string;
  /** `Service.Method`. */
  readonly method: string;
}

/** One member as the calls to one service see it: its record, how it does, and the way there. */
export class Backend extends Endpoint {
  member: Member;
  readonly lane: Lane;
  readonly accrual: Accrual = new Accrual();

  constructor(member: Member, lane: Lane, freshSince: number) {
    super({ ...member, key: keyOf(member) }, freshSince);
    this.member = member;
    this.lane = lane;
  }

  /** Whether a method may run more than once: because the call says so, or because the server did. */
  isIdempotent({ idempotent, service, method }: Repeatable): boolean {
    if (idempotent) return true;
    const listed = this.lane.hello?.services.get(service)?.methods;
    const flags = listed?.get(method.slice(service.length + 1))?.flags ?? 0;
    return (flags & methodFlags.idempotent) !== 0;
  }

  /** Goes on with a newer record. */
  know(member: Member): void {
    if (member === this.member) return;
    this.member = member;
    this.update({ ...member, key: this.key });
  }
}

/** Those to be asked first: who is up and takes new calls; else who is up; else all of them. */
export function askedFirst(backends: readonly Backend[]): readonly Backend[] {
  const up = backends.filter(({ member }) => member.state === "up");
  const staying = up.filter(({ member }) => !member.draining && member.weight > 0);
  if (staying.length > 0) return staying;
  return up.length > 0 ? up : backends;
}
