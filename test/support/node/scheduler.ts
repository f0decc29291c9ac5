/** Binds pods to nodes that are Ready, one node after the other, where a cluster has kube-scheduler. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kube } from '../real/kube.ts';
import type { KubeList, KubeObject } from '../real/kube-api.ts';
import type { Node } from './node.ts';

interface Pod extends KubeObject {
  readonly spec: { readonly nodeSelector?: Readonly<Record<string, string>> };
}

const hostname = 'kubernetes.io/hostname';
const pollMs = 50;

/** A pod's nodeSelector may name its node by the label `kubernetes.io/hostname`. */
export function startScheduler(kube: Kube, nodes: readonly Node[]): AsyncDisposable {
  const ended = new AbortController();
  let turn = 0;
  const bind = async () => {
    const { items } = await kube.api.get<KubeList<Pod>>('/api/v1/pods?fieldSelector=spec.nodeName=');
    for (const { metadata, spec } of items) {
      if (metadata.deletionTimestamp !== undefined) continue;
      const wanted = spec.nodeSelector?.[hostname];
      const fit: Node[] = [];
      for (const node of nodes) {
        if ((wanted === undefined || wanted === node.name) && (await node.isReady())) fit.push(node);
      }
      const node = fit[turn++ % fit.length];
      if (node === undefined) continue;
      await kube.api
        .post(`/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/binding`, {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name: metadata.name },
          target: { apiVersion: 'v1', kind: 'Node', name: node.name },
        })
        // Deleted meanwhile.
        .catch(() => {});
    }
  };
  const loop = (async () => {
    while (!ended.signal.aborted) {
      await bind().catch(() => {});
      await delay(pollMs, undefined, { signal: ended.signal }).catch(() => {});
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await loop;
    },
  };
}
