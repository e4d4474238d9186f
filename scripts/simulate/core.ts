import type { Address } from "../../src/base/address.ts";
import type { Deadlines } from "../../src/base/deadlines.ts";
import type { Log } from "../../src/base/log.ts";
import type { PolicyName } from "../../src/base/policy-name.ts";
import type { Clock } from "../../src/base/time.ts";
import type { RegistryClient } from "../../src/discovery/registry-client.ts";
import { createFixedResolver, createRegistryResolver } from "../../src/discovery/resolver.ts";
import { createRequestMaker, policyNamed } from "../../src/routing/request.ts";
import { Router } from "../../src/routing/router.ts";
import type { OpenLink } from "../../src/rpc/lane.ts";
import { Pool } from "../../src/rpc/pool.ts";
import type { Call, CallOptions } from "../../src/rpc/remote.ts";

/** What a client is made of beside the parts under test. */
export interface CoreParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly deadlines: Deadlines;
  readonly random: () => number;
  readonly open: OpenLink;
  /** Where the members come from: a registry, or their addresses. */
  readonly from: RegistryClient | readonly Address[];
  readonly policy: PolicyName;
  readonly timeoutMs: number;
}

/** A client as `connect` makes it, without sockets. */
export interface Core {
  call(method: string, args: readonly unknown[], options: CallOptions): Call;
}

/** Puts the core of a client together. */
export function createCore(parts: CoreParts): Core {
  const { clock, log, deadlines, random, open, from, policy, timeoutMs } = parts;
  const named = "length" in from;
  const resolver = named
    ? createFixedResolver(from)
    : createRegistryResolver({ registries: [from], clock, log, random });
  const router = new Router({
    clock,
    log,
    random,
    resolver,
    pool: new Pool({ open, clock, deadlines, random }),
    deadlines,
    policy: policyNamed(policy),
    named,
  });
  const request = createRequestMaker(clock, timeoutMs);
  return { call: (method, args, options) => router.call(request(method, args, options)) };
}
