/** An IP address as a number. One that IPv6 maps from IPv4 is IPv4: it reaches the same machine. */
export interface Ip {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** Addresses that begin with the same bits. */
export interface IpRange extends Ip {
  /** How many bits. */
  readonly prefix: number;
}

const mappedPrefix = 0xffffn;

function parseIpv4(text: string): Ip | undefined {
  const [, ...parts] =
    /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  let value = 0;
  for (const part of parts) {
    if (Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return parts.length === 4 ? { bits: 32, value: BigInt(value) } : undefined;
}

/** The address that is written, without brackets; undefined for anything else, a zone included. */
export function parseIp(text: string): Ip | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  if (!/^[0-9a-f:.]{2,45}$/i.test(text)) return undefined;
  // The platform's URL knows the grammar, and writes groups in hex with one gap at the most.
  const written = URL.parse(`http://[${text}]`)?.hostname.slice(1, -1);
  if (written === undefined) return undefined;
  const [left = "", right] = written.split("::");
  const groups = (side: string): string[] => (side === "" ? [] : side.split(":"));
  const head = groups(left);
  const tail = groups(right ?? "");
  const gap = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  let value = 0n;
  for (const group of [...head, ...gap, ...tail]) value = (value << 16n) | BigInt(`0x${group}`);
  if (value >> 32n === mappedPrefix) return { bits: 32, value: value & 0xffff_ffffn };
  return { bits: 128, value };
}

/**
 * A range as it is written: an address, or `10.0.0.0/8`. Undefined for anything else; bits beyond
 * the prefix are wrong, as nobody can tell what is meant.
 */
export function parseRange(text: string): IpRange | undefined {
  const [, written = "", length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const ip = parseIp(written);
  if (ip === undefined) return undefined;
  const prefix = length === undefined ? ip.bits : Number(length);
  if (prefix > ip.bits || (length !== undefined && String(prefix) !== length)) return undefined;
  const rest = (1n << BigInt(ip.bits - prefix)) - 1n;
  return (ip.value & rest) === 0n ? { ...ip, prefix } : undefined;
}

/** Whether an address is within a range. */
export function contains(range: IpRange, ip: Ip): boolean {
  if (range.bits !== ip.bits) return false;
  const rest = BigInt(range.bits - range.prefix);
  return range.value >> rest === ip.value >> rest;
}

/**
 * The IPv4 address that an IPv6 address leads to where the network translates: `::a.b.c.d` and
 * NAT64's `64:ff9b::a.b.c.d` (RFC 6052). Undefined when it is no such address.
 */
export function translated({ bits, value }: Ip): Ip | undefined {
  const head = value >> 32n;
  // ::1 and :: are addresses of their own.
  if (bits !== 128 || value <= 1n || (head !== 0n && head !== 0x64_ff9bn << 64n)) return undefined;
  return { bits: 32, value: value & 0xffff_ffffn };
}
