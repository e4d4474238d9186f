import {
  type Address,
  formatEndpoint,
  isLoopbackHost,
  isUnspecifiedHost,
  parseEndpoint,
} from "../base/address.ts";
import { type Code, GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { Fields, text } from "./fields.ts";
import { isJson, readJson } from "./json-body.ts";
import type { LeaseTable } from "./lease-table.ts";
import { instanceId, load, parseAnnouncement, revision } from "./member.ts";
import { registryPath, serverHeader, serversHeader } from "./registry-names.ts";

/** Answers one request. `sourceAddress` is where it came from, undefined when nobody can tell. */
export type RegistryRoutes = (
  request: Request,
  sourceAddress: string | undefined,
) => Promise<Response>;

const statuses = new Map<Code, number>([
  ["INVALID_ARGUMENT", 400],
  ["UNAUTHENTICATED", 401],
  ["PERMISSION_DENIED", 403],
  ["NOT_FOUND", 404],
  ["UNIMPLEMENTED", 405],
  ["FAILED_PRECONDITION", 409],
  ["RESOURCE_EXHAUSTED", 429],
  ["UNAVAILABLE", 503],
]);

function statusOf(error: GeeError): number {
  if (error.reason === "BODY_TOO_LARGE") return 413;
  if (error.reason === "UNSUPPORTED_MEDIA_TYPE") return 415;
  return statuses.get(error.code) ?? 500;
}

function jsonAnswer(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...headers, "content-type": "application/json", "cache-control": "no-store" },
  });
}

function line(status: number, words: string): Response {
  const headers = { "content-type": "text/plain; charset=utf-8" };
  return new Response(`${words}\n`, { status, headers });
}

/** An error as the peer can read it: JSON for one that speaks JSON, else one line. */
function failure(json: boolean, error: GeeError): Response {
  const { code, message } = error;
  if (json) return jsonAnswer(statusOf(error), { error: { code, message } });
  return line(statusOf(error), `${code} ${message}`);
}

function refused(message: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", message, { reason: "BAD_ADDRESS", executed: "no" });
}

/**
 * The address in a GeeRPC header. A Go listener on `:0` calls itself `[::]:PORT`. From this
 * machine that can be dialled as it stands; from another one the request's source is what is meant.
 */
function headerAddress(written: string, source: string | undefined): Address {
  const endpoint = parseEndpoint(written);
  if (endpoint.kind !== "tcp" || !isUnspecifiedHost(endpoint.host)) return formatEndpoint(endpoint);
  if (source === undefined) {
    throw refused(`the host of ${written} is unspecified, and so is the request's source`);
  }
  if (isLoopbackHost(source)) return formatEndpoint(endpoint);
  // An IPv4 peer of a dual-stack listener shows up as ::ffff:10.0.0.1.
  return formatEndpoint({ ...endpoint, host: source.replace(/^::ffff:(?=[\d.]+$)/i, "") });
}

/**
 * The registry's HTTP face over a lease table: GeeRPC's to the letter for peers that send headers
 * only, and for peers that speak JSON a superset with identity and withdrawal. Opens no port.
 */
export function createRegistryRoutes(options: {
  readonly table: LeaseTable;
  readonly log: Log;
}): RegistryRoutes {
  const { table, log } = options;

  const list = (json: boolean): Response => {
    const headers = { [serversHeader]: table.addresses().join(",") };
    if (!json) return new Response(null, { headers });
    const instances = table.list();
    const { epoch, index, leaseMs } = table;
    const state = { protocol: 1, epoch, index, token: `${epoch}-${index}`, leaseMs };
    return jsonAnswer(200, { ...state, warming: false, frozen: false, instances }, headers);
  };

  const beat = (fields: Fields): Response => {
    if (!fields.has("instance")) {
      const { secret: _known, ...grant } = table.renew(
        fields.need("id", instanceId),
        fields.need("secret", text(64)),
        fields.need("revision", revision),
        fields.may("load", load),
      );
      return jsonAnswer(200, grant);
    }
    const announcement = fields.need("instance", parseAnnouncement);
    const endpoint = parseEndpoint(announcement.address);
    if (endpoint.kind === "tcp" && isUnspecifiedHost(endpoint.host)) {
      const { address } = announcement;
      throw refused(`body.instance.address: nobody can dial the unspecified host of ${address}`);
    }
    return jsonAnswer(200, table.put(announcement, fields.may("secret", text(64))));
  };

  const leave = (fields: Fields): Response => {
    const id = fields.need("id", instanceId);
    table.leave(id, fields.need("secret", text(64)), fields.may("revision", revision));
    return jsonAnswer(200, { id, index: table.index });
  };

  const headerBeat = (request: Request, source: string | undefined): Response => {
    const written = request.headers.get(serverHeader) ?? "";
    // GeeRPC's own answer; a 400 would be better manners, but peers may look for this one.
    if (written === "") return line(500, `the header ${serverHeader} is missing`);
    table.putAddress(headerAddress(written, source));
    return new Response(null);
  };

  const answer = async (
    request: Request,
    source: string | undefined,
    json: boolean,
  ): Promise<Response> => {
    if (request.method === "GET") return list(json);
    if (request.method === "POST" && !json) return headerBeat(request, source);
    if (json && (request.method === "POST" || request.method === "DELETE")) {
      const fields = new Fields(await readJson(request, limits.maxRegistryBodyBytes), "body");
      return request.method === "POST" ? beat(fields) : leave(fields);
    }
    throw new GeeError("UNIMPLEMENTED", `no ${request.method} here`, { executed: "no" });
  };

  return async (request, source) => {
    // A read says by Accept that it speaks JSON, a write by the type of its body.
    const reads = request.method === "GET";
    const accepts = (request.headers.get("accept") ?? "").split(",");
    const json = reads ? accepts.some(isJson) : isJson(request.headers.get("content-type"));
    try {
      const { pathname } = new URL(request.url);
      if (pathname !== registryPath) {
        const message = `the registry is at ${registryPath}`;
        throw new GeeError("NOT_FOUND", message, { executed: "no" });
      }
      return await answer(request, source, json);
    } catch (thrown) {
      if (thrown instanceof GeeError) {
        log.debug("registry request refused", { source, code: thrown.code, why: thrown.message });
        return failure(json, thrown);
      }
      log.error("registry request failed", { source, error: thrown });
      return failure(json, new GeeError("INTERNAL", "the registry failed; its log says why"));
    }
  };
}
