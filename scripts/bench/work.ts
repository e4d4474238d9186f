// What one call does. The same in every peer, and every result is checked.

/** `Sum(1, 2)`; an object echoed; bytes echoed; one stream of items, from the server or to it. */
export type Work = "sum" | "object" | "bytes" | "download" | "upload";

/** What the client of a peer is to keep up. */
export interface Setup {
  readonly port: number;
  readonly work: Work;
  /** Of one message or item, for `bytes` and streams. */
  readonly size: number;
  readonly connections: number;
  /** On all connections together. */
  readonly inFlight: number;
}

/** 200 bytes as JSON. */
export interface Order {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly paid: boolean;
  readonly total: number;
  readonly tags: readonly string[];
  readonly ship: { readonly street: string; readonly city: string; readonly zip: string };
  readonly at: string;
}

/** Each caller has its own, so that an answer that went to another caller is seen. */
export function orderOf(caller: number): Order {
  return {
    id: 1_000 + caller,
    name: "Ada Lovelace",
    email: "ada@mail.org",
    paid: true,
    total: 97.25,
    tags: ["books", "gift", "eu"],
    ship: { street: "12 Fleet St", city: "London", zip: "SW1Y" },
    at: "2026-01-02T03:04:05Z",
  };
}

/** Whether two orders say the same. By hand: the check must not cost more than the call. */
export function isSameOrder(left: Order, right: Order): boolean {
  const [one, two, three] = left.tags;
  return (
    left.id === right.id &&
    left.name === right.name &&
    left.email === right.email &&
    left.paid === right.paid &&
    left.total === right.total &&
    left.tags.length === right.tags.length &&
    one === right.tags[0] &&
    two === right.tags[1] &&
    three === right.tags[2] &&
    left.ship.street === right.ship.street &&
    left.ship.city === right.ship.city &&
    left.ship.zip === right.ship.zip &&
    left.at === right.at
  );
}

/** Bytes that are not all alike. */
export function bytesOf(size: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(size);
  for (let index = 0; index < size; index++) bytes[index] = (index * 7) & 0xff;
  return bytes;
}
