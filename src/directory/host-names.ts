import { parseEndpoint } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import { printable } from "../base/log.ts";
import { parseIp } from "./ip-range.ts";

function checkName(name: string): string {
  const bare = name.toLowerCase();
  try {
    const endpoint = parseEndpoint(`tcp@${bare}:1`);
    if (endpoint.kind === "tcp" && endpoint.host === bare) return bare;
  } catch {
    // Told below, in words about hosts.
  }
  throw new GeeError("INVALID_ARGUMENT", `${JSON.stringify(name)} is no name of a host`, {
    reason: "BAD_HOST",
    executed: "no",
    hint: "write it like registry.example, without a port",
  });
}

/**
 * By which names a registry may be asked. A page in a browser can have its own name lead to this
 * machine (DNS rebinding) and would then ask from inside; its name in the `Host` header gives it
 * away. An IP address cannot be led elsewhere, and whoever sends no `Host` is no browser.
 */
export class HostNames {
  readonly #names: ReadonlySet<string>;
  /** As most requests have it, so that it need not be read again. */
  #last: string | undefined;

  /**
   * @param names beside IP addresses and `localhost`
   * @throws GeeError INVALID_ARGUMENT, reason BAD_HOST
   */
  constructor(names: readonly string[]) {
    this.#names = new Set(["localhost", ...names.map(checkName)]);
  }

  /**
   * @param host the value of the header
   * @throws GeeError PERMISSION_DENIED, reason WRONG_HOST
   */
  check(host: string | null): void {
    if (host === null || host === this.#last) return;
    const [, bracketed, plain = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(host) ?? [];
    const isKnown = this.#names.has(plain.toLowerCase());
    if (!isKnown && parseIp(bracketed ?? plain) === undefined) {
      const shown = JSON.stringify(printable(host, 64));
      const message = `the host ${shown} is none of this registry's; hosts (--host) names further ones`;
      throw new GeeError("PERMISSION_DENIED", message, { reason: "WRONG_HOST", executed: "no" });
    }
    this.#last = host;
  }
}
