/**
 * Writes to Consul as the catalog sync of consul-k8s does, which is not part of this project: everything again at each
 * interval, one `catalog/register` after the other; before that it deregisters, on whatever node, what has its tag and
 * an id that it does not know. Services of type ClusterIP only.
 */

import { createHash } from 'node:crypto';
import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import type { Consul } from './consul.ts';
import type { KubeApi } from './kube-api.ts';
import { Rounds } from './rounds.ts';

const node = 'k8s-sync';
const tag = 'k8s';

interface Registration {
  readonly Service: { readonly ID: string; readonly Service: string };
}

interface CatalogEntry {
  readonly Node: string;
  readonly ServiceID: string;
}

export interface ConsulK8sOptions {
  readonly kube: KubeApi;
  readonly consul: Consul;
  /** Only Services of this namespace. */
  readonly namespace: string;
  /** 30 s in consul-k8s. */
  readonly intervalMs: number;
}

export class ConsulK8sWriter implements AsyncDisposable {
  /** Everything it has deregistered, as `node/id`. */
  readonly deregistered: string[] = [];
  readonly #options: ConsulK8sOptions;
  readonly #rounds: Rounds;

  constructor(options: ConsulK8sOptions) {
    this.#options = options;
    this.#rounds = new Rounds(() => this.#write(), options.intervalMs);
  }

  /** How often it has written everything. */
  get rounds(): number {
    return this.#rounds.count;
  }

  /** Throws what ended it before its time. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#rounds[Symbol.asyncDispose]();
  }

  async #write(): Promise<void> {
    const { api } = this.#options.consul;
    const wanted = await this.#registrations();
    const ids = new Set(wanted.map(({ Service: { ID } }) => ID));
    for (const name of new Set(wanted.map(({ Service: { Service } }) => Service))) {
      const there = await api.get<CatalogEntry[]>(`/v1/catalog/service/${name}?tag=${tag}`);
      for (const { Node, ServiceID } of there.filter((entry) => !ids.has(entry.ServiceID))) {
        this.deregistered.push(`${Node}/${ServiceID}`);
        await api.put('/v1/catalog/deregister', { Node, ServiceID });
      }
    }
    for (const registration of wanted) await api.put('/v1/catalog/register', registration);
  }

  async #registrations(): Promise<Registration[]> {
    const { kube, namespace } = this.#options;
    const services = await kube.get<{ items: V1Service[] }>(`/api/v1/namespaces/${namespace}/services`);
    const slices = await kube.get<{ items: V1EndpointSlice[] }>(
      `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
    );
    return services.items.flatMap((service) =>
      slices.items
        .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === service.metadata?.name)
        .flatMap((slice) => registrationsOf(service, slice)),
    );
  }
}

function registrationsOf({ metadata, spec }: V1Service, { ports, endpoints = [] }: V1EndpointSlice) {
  const service = `${metadata?.name}-${metadata?.namespace}`;
  const meta = {
    'external-source': 'kubernetes',
    'external-k8s-ns': metadata?.namespace,
    ...Object.fromEntries((spec?.ports ?? []).map(({ name, port }) => [`port-${name}`, `${port}`])),
  };
  // The first port that the slice lists is the default one.
  const Ports = (ports ?? []).map(({ name, port }, index) => ({
    Name: name,
    Port: port,
    Default: index === 0,
  }));
  return (endpoints ?? []).flatMap(({ addresses, conditions, targetRef, nodeName, zone }) =>
    addresses.map((address) => {
      const digest = createHash('sha1').update(`${service}-${address}`).digest('hex').slice(0, 12);
      const ID = `${service}-${digest}`;
      return {
        Node: node,
        Address: '127.0.0.1',
        SkipNodeUpdate: true,
        NodeMeta: { 'external-source': 'kubernetes' },
        Service: {
          ID,
          Service: service,
          Address: address,
          Ports,
          Tags: [tag],
          Meta: {
            ...meta,
            'external-k8s-ref-kind': targetRef?.kind,
            'external-k8s-ref-name': targetRef?.name,
            'external-k8s-node-name': nodeName,
            ...(zone ? { 'external-k8s-topology-zone': zone } : {}),
          },
        },
        Check: {
          CheckID: `${metadata?.namespace}/${ID}`,
          Name: 'Kubernetes Readiness Check',
          Type: 'kubernetes-readiness',
          ServiceID: ID,
          Status: conditions?.ready ? 'passing' : 'critical',
        },
      };
    }),
  );
}
