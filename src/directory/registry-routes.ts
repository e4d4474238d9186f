import { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { Fields, text } from "../base/fields.ts";
import { isJson } from "../discovery/json-body.ts";
import {
  instanceId,
  lagMs,
  load,
  parseAnnouncement,
  revision,
  weight,
} from "../discovery/member.ts";
import { registryPath, serverHeader, serversHeader } from "../discovery/registry-names.ts";
import { Access, type Writer } from "./access.ts";
import { checkAddress, headerAddress } from "./address-rules.ts";
import { Answers, parseToken } from "./answers.ts";
import { Audit } from "./audit.ts";
import { BodyReader } from "./body-reader.ts";
import type { Directory } from "./directory.ts";
import { HostNames } from "./host-names.ts";
import { failure, jsonAnswer, line } from "./http-answers.ts";
import type { TokenRule } from "./token-rules.ts";
import { Watches } from "./watches.ts";

/** Where a request came from, and what can be done about its connection. */
export interface Caller {
  /** Undefined when nobody can tell. */
  readonly sourceAddress: string | undefined;
  /** How long the connection may be idle from now on; 0 = for ever. */
  setIdleTimeout?(seconds: number): void;
}

/** The registry's HTTP face. */
export interface RegistryRoutes extends Disposable {
  /** Answers one request; a watch when there is news. Never rejects. */
  answer(request: Request, caller: Caller): Promise<Response>;
  /** Watches held now. */
  readonly watchers: number;
}

/** Settings of {@link createRegistryRoutes}. */
export interface RegistryRoutesOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
  /** Whose tokens may do what; undefined: everybody may do everything. */
  readonly tokens?: readonly TokenRule[] | undefined;
  /** Whether addresses of the own machine may be registered. */
  readonly allowLoopback: boolean;
  /** Names by which it may be asked beside IP addresses and localhost. Default: none. */
  readonly hosts?: readonly string[] | undefined;
  /** From 0 to 1, for jitter. */
  readonly random?: (() => number) | undefined;
}

/** How long a connection may be idle. A watch has its own time. */
export const idleSeconds = 10;

function unknownMethod(method: string): GeeError {
  return new GeeError("UNIMPLEMENTED", `no ${method} here`, { executed: "no" });
}

/** Whoever writes a registration by hand puts its fields where those of a beat belong. */
function unwrapped(): GeeError {
  const message = 'body.instance: it is missing; a registration is {"instance": {"id": ...}}';
  return new GeeError("INVALID_ARGUMENT", message, { executed: "no" });
}

const unitMs = new Map([
  [undefined, 1],
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
]);

/** How long to wait, as `60s`, `500ms`, `5m`, or a number of ms. @throws GeeError */
function parseWait(written: string | null): number {
  if (written === null) return 0;
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(written) ?? [];
  if (count !== undefined) return Number(count) * (unitMs.get(unit) ?? 1);
  throw new GeeError("INVALID_ARGUMENT", "wait: write it like 60s, 500ms or 5m", {
    executed: "no",
  });
}

/**
 * Whether somebody has to be told of a refused write by the log: that it may not be, or that it makes
 * no sense and its sender does not listen, as GeeRPC's servers do not.
 */
function isNotable({ code, reason }: GeeError, json: boolean): boolean {
  if (code === "UNAUTHENTICATED" || code === "PERMISSION_DENIED") return true;
  return reason === "ADDRESS_HELD" || (!json && reason === "BAD_ADDRESS");
}

/**
 * The registry's HTTP face over a directory: GeeRPC's to the letter for peers that send headers
 * only, and for peers that speak JSON a superset with identity, withdrawal and watches. `/livez`
 * and `/readyz` say how it is, to everybody; the rest is for those with a token, where there are
 * tokens. Opens no port. Disposing answers the watches.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_HOST
 */
export function createRegistryRoutes(options: RegistryRoutesOptions): RegistryRoutes {
  const { directory, clock, log, allowLoopback, random = Math.random } = options;
  const names = new HostNames(options.hosts ?? []);
  const access = new Access(directory, clock, options.tokens);
  const audit = new Audit(clock, log);
  const bodies = new BodyReader(clock);
  const answers = new Answers(clock, directory);
  const watches = new Watches({ clock, directory, random });

  const list = async (
    request: Request,
    query: URLSearchParams,
    caller: Caller,
  ): Promise<Response> => {
    const token = parseToken(query.get("after") ?? "");
    const waitMs = parseWait(query.get("wait"));
    // What another epoch counted says nothing here: there is no use in waiting.
    if (token === undefined || token.epoch !== directory.status.epoch || waitMs === 0) {
      return answers.list(token);
    }
    // The watch has a deadline of its own, and its connection may be silent until then.
    caller.setIdleTimeout?.(0);
    const end = await watches.hold(token.index, waitMs, request.signal);
    caller.setIdleTimeout?.(idleSeconds);
    return end === "gone" ? line(408, "the watcher went away") : answers.list(token);
  };

  const beat = async (fields: Fields, writer: Writer): Promise<Response> => {
    if (!fields.has("instance")) {
      if (fields.has("address")) throw unwrapped();
      const { secret: _known, ...grant } = await writer.renew(
        fields.need("id", instanceId),
        fields.need("secret", text(64)),
        fields.need("revision", revision),
        {
          load: fields.may("load", load),
          lagMs: fields.may("lagMs", lagMs),
          weight: fields.may("weight", weight),
        },
      );
      return jsonAnswer(200, grant);
    }
    const announcement = fields.need("instance", parseAnnouncement);
    checkAddress(announcement.address, allowLoopback);
    return jsonAnswer(200, await writer.put(announcement, fields.may("secret", text(64))));
  };

  const leave = async (fields: Fields, writer: Writer): Promise<Response> => {
    const id = fields.need("id", instanceId);
    await writer.leave(id, fields.need("secret", text(64)), fields.may("revision", revision));
    return jsonAnswer(200, { id, index: directory.status.index });
  };

  /** Of a request that is not JSON: GeeRPC's peers send a header, and a body nowhere. */
  const headerWrite = async (
    request: Request,
    writer: Writer,
    source: string | undefined,
  ): Promise<Response> => {
    const { method, body } = request;
    const written = method === "POST" ? (request.headers.get(serverHeader) ?? "") : "";
    if (written !== "") {
      await writer.putAddress(headerAddress(written, source, allowLoopback));
      return new Response(null);
    }
    if (body !== null) {
      const message = "a body has the content type application/json here";
      const reason = { reason: "UNSUPPORTED_MEDIA_TYPE", executed: "no" } as const;
      throw new GeeError("INVALID_ARGUMENT", message, reason);
    }
    if (method !== "POST") throw unknownMethod(method);
    // GeeRPC's own answer; a 400 would be better manners, but peers may look for this one.
    return line(500, `the header ${serverHeader} is missing`);
  };

  /** Nothing of the body is read before it is known who sends it. */
  const write = async (request: Request, json: boolean, caller: Caller): Promise<Response> => {
    const { method } = request;
    const source = caller.sourceAddress;
    let token: string | undefined;
    try {
      const writer = access.enter(request.headers.get("authorization"));
      token = writer.name;
      writer.begin();
      try {
        if (!json) return await headerWrite(request, writer, source);
        const fields = new Fields(await bodies.read(request), "body");
        return await (method === "POST" ? beat(fields, writer) : leave(fields, writer));
      } finally {
        writer.end();
      }
    } catch (thrown) {
      const error = GeeError.from(thrown);
      if (isNotable(error, json)) audit.refused({ method, source, token, why: error.message });
      throw thrown;
    }
  };

  const readiness = (): Response => {
    const { warming, trouble } = directory.status;
    if (trouble !== undefined) return line(503, trouble);
    if (warming) return line(503, "warming: it started less than a lease ago");
    return line(200, "ok");
  };

  const route = async (request: Request, json: boolean, caller: Caller): Promise<Response> => {
    const { method, headers } = request;
    names.check(headers.get("host"));
    // Where no host was named, the platform gives the path alone.
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    if (pathname === "/livez" && method === "GET") return line(200, "ok");
    if (pathname === "/readyz" && method === "GET") return readiness();
    if (pathname !== registryPath) {
      const message = `the registry is at ${registryPath}`;
      throw new GeeError("NOT_FOUND", message, { executed: "no" });
    }
    if (method === "POST" || method === "DELETE") return write(request, json, caller);
    if (method !== "GET") throw unknownMethod(method);
    access.enter(headers.get("authorization"));
    if (json) return list(request, searchParams, caller);
    return new Response(null, { headers: { [serversHeader]: answers.addresses() } });
  };

  return {
    get watchers() {
      return watches.size;
    },
    async answer(request, caller) {
      // A read says by Accept that it speaks JSON, a write by the type of its body.
      const reads = request.method === "GET";
      const accepts = (request.headers.get("accept") ?? "").split(",");
      const json = reads ? accepts.some(isJson) : isJson(request.headers.get("content-type"));
      const source = caller.sourceAddress;
      try {
        return await route(request, json, caller);
      } catch (thrown) {
        if (thrown instanceof GeeError) {
          log.debug("registry request refused", { source, code: thrown.code, why: thrown.message });
          return failure(json, thrown);
        }
        log.error("registry request failed", { source, error: thrown });
        return failure(json, new GeeError("INTERNAL", "the registry failed; its log says why"));
      }
    },
    [Symbol.dispose]: () => watches[Symbol.dispose](),
  };
}
