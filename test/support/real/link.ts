/** A network connection of one process to one server, which can be made to carry nothing. */
import { connect, createServer, type Server, type Socket } from 'node:net';

const host = '127.0.0.1';

/** A link to `target` on loopback. */
export async function openLink(target: string): Promise<Link> {
  const link = new Link(new URL(target));
  await link.listen();
  return link;
}

export class Link implements AsyncDisposable {
  readonly #target: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #frozen = false;
  #url = '';

  /** Use `openLink`. */
  constructor(target: URL) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true }, (near) => this.#carry(near));
  }

  /** The target's origin through this link. */
  get url(): string {
    return this.#url;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, host, resolve));
    const address = this.#server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    this.#url = `${this.#target.protocol}//${host}:${port}`;
  }

  /** From now on nothing gets through, and no connection breaks: what is sent waits. */
  freeze(): void {
    this.#frozen = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What waits gets through, in order. */
  thaw(): void {
    this.#frozen = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #carry(near: Socket): void {
    const far = connect({ host: this.#target.hostname, port: Number(this.#target.port) });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (chunk) => to.write(chunk));
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => this.#sockets.delete(from));
      // A listener for data lets it flow.
      if (this.#frozen) from.pause();
      else from.resume();
    }
  }
}
