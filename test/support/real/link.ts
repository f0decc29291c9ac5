/** A network connection of one process to one server, which can be made to carry nothing. */
import { connect, createServer, type Server, type Socket } from 'node:net';

const host = '127.0.0.1';

export interface LinkOptions {
  /** Address of loopback by which the target knows who comes through here, as behind a NAT gateway. Default: any. */
  readonly from?: string;
  /** Connections over which nothing came for so long are broken, as load balancers do, ms. Default: never. */
  readonly idleMs?: number;
}

/** A link to `target` on loopback. */
export async function openLink(target: string, options: LinkOptions = {}): Promise<Link> {
  const link = new Link(new URL(target), options);
  await link.listen();
  return link;
}

export class Link implements AsyncDisposable {
  readonly #target: URL;
  readonly #server: Server;
  readonly #options: LinkOptions;
  readonly #sockets = new Set<Socket>();
  #frozen = false;
  #url = '';

  /** Use `openLink`. */
  constructor(target: URL, options: LinkOptions = {}) {
    this.#target = target;
    this.#options = options;
    this.#server = createServer({ pauseOnConnect: true }, (near) => this.#carry(near));
  }

  /** The target's origin through this link. */
  get url(): string {
    return this.#url;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size / 2;
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
    const { from, idleMs } = this.#options;
    const far = connect({
      host: this.#target.hostname,
      port: Number(this.#target.port),
      ...(from === undefined ? {} : { localAddress: from }),
    });
    let idle: NodeJS.Timeout | undefined;
    const touch = () => {
      clearTimeout(idle);
      if (idleMs !== undefined) idle = setTimeout(() => near.resetAndDestroy(), idleMs);
    };
    near.on('close', () => {
      clearTimeout(idle);
      far.destroy();
    });
    touch();
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('data', (chunk) => {
        touch();
        other.write(chunk);
      });
      one.on('end', () => other.end());
      one.on('error', () => other.destroy());
      one.on('close', () => this.#sockets.delete(one));
      // A listener for data lets it flow.
      if (this.#frozen) one.pause();
      else one.resume();
    }
  }
}
