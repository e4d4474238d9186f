// One HTTP/1.1 connection that asks one thing after the other. A bare socket: fetch would cost more
// than the registry that is measured with it, and has no more than 256 requests at once.

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Asked {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** A connection to a port of 127.0.0.1. */
export class HttpLine {
  readonly #port: number;
  #socket: Bun.Socket<HttpLine> | undefined;
  /** Who waits for an answer, in the order of the requests. */
  readonly #asked: Asked[] = [];
  #heard = "";

  constructor(port: number) {
    this.#port = port;
  }

  /** Connects. Nothing is asked before, or after the other side has closed it: not until this again. */
  async open(): Promise<void> {
    this.#heard = "";
    this.#socket = await Bun.connect<HttpLine>({
      hostname: "127.0.0.1",
      port: this.#port,
      data: this,
      socket: {
        data: (socket, chunk) => socket.data.#hear(chunk.toString("latin1")),
        close: (socket) => socket.data.#closed(),
        error: (socket) => socket.data.#closed(),
      },
    });
  }

  get isOpen(): boolean {
    return this.#socket !== undefined;
  }

  close(): void {
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  /** Asks for `path`; with a body it is a POST of JSON. @throws Error when the connection ends */
  ask(path: string, body?: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    if (this.#socket === undefined) throw new Error("not connected");
    this.#asked.push({ resolve, reject });
    this.#socket.write(
      body === undefined
        ? `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n\r\n`
        : `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n` +
            `content-length: ${body.length}\r\n\r\n${body}`,
    );
    return promise;
  }

  #hear(text: string): void {
    this.#heard += text;
    for (;;) {
      const head = this.#heard.indexOf("\r\n\r\n");
      if (head < 0) return;
      const [, length = ""] =
        /\r\ncontent-length: *(\d+)/i.exec(this.#heard.slice(0, head + 2)) ?? [];
      if (length === "") throw new Error(`an answer without its length: ${this.#heard}`);
      const end = head + 4 + Number(length);
      if (this.#heard.length < end) return;
      const status = Number(this.#heard.slice(9, 12));
      const body = this.#heard.slice(head + 4, end);
      this.#heard = this.#heard.slice(end);
      this.#asked.shift()?.resolve({ status, body });
    }
  }

  #closed(): void {
    this.#socket = undefined;
    for (const { reject } of this.#asked.splice(0)) reject(new Error("the connection ended"));
  }
}

/** So many connections, opened a few hundred at a time. */
export async function openLines(port: number, count: number): Promise<readonly HttpLine[]> {
  const lines = Array.from({ length: count }, () => new HttpLine(port));
  for (let at = 0; at < count; at += 200) {
    await Promise.all(lines.slice(at, at + 200).map((line) => line.open()));
  }
  return lines;
}
