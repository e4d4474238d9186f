import { formatEndpoint, parseEndpoint } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";

/** Members of one cluster are three, five or seven; more names than this are a mistake. */
const maxMembers = 16;

function badStore(why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", `malformed etcd store: ${why}`, {
    reason: "BAD_STORE",
    executed: "no",
    hint: "write it like etcd://10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379",
  });
}

/**
 * The members of an etcd cluster from what a person writes, `etcd://HOST:PORT,HOST:PORT`; as URLs
 * of their HTTP gateways, each once.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_STORE
 */
export function parseEtcdUrl(text: string): readonly string[] {
  const list = /^etcd:\/\/(.*?)\/?$/.exec(text)?.[1];
  if (list === undefined) throw badStore(`${JSON.stringify(text)} does not start with etcd://`);
  const members = new Set<string>();
  for (const place of list.split(",")) {
    try {
      // The grammar is that of our own addresses: no user names, no paths, no disguised numbers.
      members.add(formatEndpoint(parseEndpoint(`tcp@${place}`)).replace("tcp@", "http://"));
    } catch (thrown) {
      throw badStore(`${JSON.stringify(place)} is no HOST:PORT`).withCause(thrown);
    }
  }
  if (members.size <= maxMembers) return [...members];
  throw badStore(`at most ${maxMembers} members, not ${members.size}`);
}
