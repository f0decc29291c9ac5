import { after, before, describe } from 'node:test';
import type { Transport } from '../../src/lib/transport.ts';
import { KubeClient } from './kube-client.ts';
import { accessContract } from './kube-contract-access.ts';
import { kindsContract } from './kube-contract-kinds.ts';
import { kubectlContract } from './kube-contract-kubectl.ts';
import { listContract } from './kube-contract-list.ts';
import { patchContract } from './kube-contract-patch.ts';
import { watchContract } from './kube-contract-watch.ts';
import { writeContract } from './kube-contract-write.ts';

/** An API server to hold against the contract. */
export interface KubeUnderTest {
  /** As a user who may do everything. */
  readonly transport: Transport;
  /** As user `limited`, who may get, list and watch pods in the namespace `default`, and nothing else. */
  readonly limited: Transport;
  /** With a bearer token nobody has. */
  readonly stranger: Transport;
  /** Lets time pass on the server's clock. */
  pass(ms: number): Promise<void>;
  /** Makes every resourceVersion and continue token given out so far too old. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

/** What an old server has not. */
export interface KubeLacks {
  /** Lists that are streamed by a watch: since 1.32. */
  readonly watchList: boolean;
  /** A `metadata.generation` of pods: since 1.33. */
  readonly podGeneration: boolean;
}

const nothing: KubeLacks = { watchList: false, podGeneration: false };

/** What the tests share: one server, and a namespace of its own for each. */
export class ContractContext {
  #server: KubeUnderTest | undefined;
  #count = 0;
  readonly lacks: KubeLacks;
  readonly #run = Math.random().toString(36).slice(2, 8);

  constructor(lacks: KubeLacks) {
    this.lacks = lacks;
  }

  /** The `metadata.generation` to expect of a pod. */
  podGeneration(generation: number): number | undefined {
    return this.lacks.podGeneration ? undefined : generation;
  }

  get server(): KubeUnderTest {
    if (this.#server === undefined) throw new Error('the server is not started');
    return this.#server;
  }

  get client(): KubeClient {
    return new KubeClient(this.server.transport);
  }

  /** Creates a namespace with what a pod needs in it, and returns its name. */
  async namespace(): Promise<string> {
    this.#count += 1;
    const name = `contract-${this.#run}-${this.#count}`;
    await this.client.create('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    });
    await this.client.call('POST', `/api/v1/namespaces/${name}/serviceaccounts`, {
      metadata: { name: 'default' },
    });
    return name;
  }

  /** A name for an object without a namespace. */
  clusterName(): string {
    this.#count += 1;
    return `contract-${this.#run}-${this.#count}`;
  }

  async start(start: () => Promise<KubeUnderTest>): Promise<void> {
    this.#server = await start();
  }
}

/**
 * What clients may rely on in a Kubernetes API server. The real one passes it, so that the in-memory one,
 * which passes it too, can stand in for it.
 */
export function kubeContract(name: string, start: () => Promise<KubeUnderTest>, lacks = nothing): void {
  describe(name, () => {
    const context = new ContractContext(lacks);
    before(() => context.start(start));
    after(() => context.server.close());
    writeContract(context);
    patchContract(context);
    listContract(context);
    watchContract(context);
    kindsContract(context);
    kubectlContract(context);
    accessContract(context);
  });
}

/** The smallest pod the real server takes. */
export function podBody(name: string, labels: Record<string, string> = {}, spec: object = {}): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      containers: [
        { name: 'main', image: 'example.com/main:1', ports: [{ name: 'http', containerPort: 8080 }] },
      ],
      ...spec,
    },
  };
}

export const podsIn = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
