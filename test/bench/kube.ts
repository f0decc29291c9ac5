import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Shape } from './stage.ts';

type Message =
  | { readonly origin: string }
  | { readonly listedAt: string }
  | { readonly flip: number; readonly at: string }
  | { readonly done: string };

/** The API server of kube-server.ts, in a process of its own. */
export class Kube implements Disposable {
  readonly origin: string;
  /** When the pods were first asked for, as now(). */
  readonly listed: Promise<number>;
  readonly #child: ChildProcess;
  readonly #sent = new Map<number, (at: number) => void>();
  readonly #orders: ((at: number) => void)[] = [];

  private constructor(child: ChildProcess, origin: string) {
    this.#child = child;
    this.origin = origin;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.listed = promise;
    child.on('message', (message: Message) => {
      if ('listedAt' in message) resolve(milliseconds(message.listedAt));
      if ('done' in message) this.#orders.shift()?.(milliseconds(message.done));
      if (!('flip' in message)) return;
      this.#sent.get(message.flip)?.(milliseconds(message.at));
      this.#sent.delete(message.flip);
    });
  }

  static async start({ pods, nodes, services }: Shape): Promise<Kube> {
    const script = fileURLToPath(new URL('./kube-server.ts', import.meta.url));
    const child = fork(script, [pods, nodes, services].map(String));
    const [{ origin }] = (await once(child, 'message')) as [{ origin: string }];
    return new Kube(child, origin);
  }

  /** Path of a kubeconfig in the directory. */
  async kubeconfig(dir: string): Promise<string> {
    const file = path.join(dir, 'kubeconfig');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'bench',
      clusters: [{ name: 'bench', cluster: { server: this.origin } }],
      users: [{ name: 'bench', user: {} }],
      contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    };
    await writeFile(file, JSON.stringify(config));
    return file;
  }

  /** Makes a pod ready or not; resolves with the moment, as now(), at which the event was sent. */
  flip(pod: number, ready: boolean): Promise<number> {
    return new Promise((resolve) => {
      this.#sent.set(pod, resolve);
      this.#child.send({ flip: pod, ready });
    });
  }

  /** A node and its pods are not ready, as when its kubelet is gone; resolves with the moment, as now(). */
  lose(node: number): Promise<number> {
    return this.#order({ node, ready: false });
  }

  /** The kubelet is back, and pods are what they were. */
  async bringBack(node: number): Promise<void> {
    await this.#order({ node, ready: true });
  }

  /** Changes pods that are not annotated; resolves when that is over. */
  flood(perSecond: number, seconds: number): Promise<number> {
    return this.#order({ flood: perSecond, seconds });
  }

  #order(order: object): Promise<number> {
    return new Promise((resolve) => {
      this.#orders.push(resolve);
      this.#child.send(order);
    });
  }

  [Symbol.dispose](): void {
    this.#child.disconnect();
  }
}

const milliseconds = (nanoseconds: string): number => Number(BigInt(nanoseconds)) / 1e6;
