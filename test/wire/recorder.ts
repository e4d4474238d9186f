import type { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { Channel } from "../../src/wire/channel.ts";
import type { ChannelOwner } from "../../src/wire/channel.ts";
import type { Message } from "../../src/wire/message.ts";
import { linkPair } from "../support/links.ts";
import type { LinkPair, MemoryLink, MemoryLinkOptions } from "../support/links.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

/** Everything that a channel told its owner. */
export class Recorder implements ChannelOwner {
  readonly messages: Message[] = [];
  readonly badBodies: { readonly kind: number; readonly id: number; readonly why: string }[] = [];
  /** The names of the events, in order. */
  readonly events: (
    "message" | "badBody" | "readEnd" | "blocked" | "drained" | "paused" | "closed"
  )[] = [];
  readonly closedWhys: GeeError[] = [];
  /** What the owner does with each message, beside keeping it. */
  onMessage: (message: Message) => void = () => {};
  onReadEnd: () => void = () => {};
  onClosed: () => void = () => {};
  /** What the owner says of a call or item whose frame has come, and of a part. */
  turnsAway: (kind: number, id: number) => boolean = () => false;
  takesPart: (id: number, first: boolean) => boolean = () => true;

  message(message: Message): void {
    this.events.push("message");
    this.messages.push(message);
    this.onMessage(message);
  }

  badBody(kind: number, id: number, why: string): void {
    this.events.push("badBody");
    this.badBodies.push({ kind, id, why });
  }

  readEnd(): void {
    this.events.push("readEnd");
    this.onReadEnd();
  }

  drained(): void {
    this.events.push("drained");
  }

  blocked(): void {
    this.events.push("blocked");
  }

  resumed(): void {}

  paused(): void {
    this.events.push("paused");
  }

  closed(why: GeeError): void {
    this.events.push("closed");
    this.closedWhys.push(why);
    this.onClosed();
  }
}

/** A channel whose other end is a script. */
export interface Bench {
  readonly channel: Channel;
  readonly owner: Recorder;
  readonly peer: ScriptedPeer;
  /** The channel's own end. */
  readonly link: MemoryLink;
  readonly pair: LinkPair;
}

/** How a bench is set up. */
export interface BenchOptions {
  /** The side that the script plays; default the caller. */
  readonly from?: "caller" | "server";
  /** Default false: whole messages are accepted from the start. */
  readonly greeting?: boolean;
  /** Whether the script takes messages in parts; default false. */
  readonly parts?: boolean;
  /** For both ends. Default: delivery by hand, whole writes. */
  readonly both?: MemoryLinkOptions;
  /** For the channel's end. */
  readonly own?: MemoryLinkOptions;
}

/** A channel at one end of a link in memory, a script at the other, and nothing delivered yet. */
export function openBench(options: BenchOptions = {}): Bench {
  const { from = "caller", greeting = false, parts = false, own = {} } = options;
  const pair = linkPair(
    { delivery: "by hand", ...options.both },
    from === "caller" ? { server: own } : { caller: own },
  );
  const link = from === "caller" ? pair.server : pair.caller;
  const owner = new Recorder();
  const maxHelloBytes = from === "caller" ? limits.maxCallerHelloBytes : limits.maxServerHelloBytes;
  const channel = new Channel(link, owner, from, maxHelloBytes);
  if (!greeting) channel.greeted(limits.maxMessageBytes, limits.maxMessageBytes, parts);
  link.open(channel);
  const peer = new ScriptedPeer(from === "caller" ? pair.caller : pair.server, from);
  return { channel, owner, peer, link, pair };
}
