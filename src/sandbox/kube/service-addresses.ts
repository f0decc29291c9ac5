import { type DraftObject, isRecord, type KubeObject, textAt } from './object.ts';
import type { Resource } from './resources.ts';
import type { ObjectStore } from './store.ts';

/** Cluster IPs for Services, handed out in order from 10.96.0.0/16. */
export class ServiceAddresses {
  readonly #store: ObjectStore;
  #last = 0;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  assign(resource: Resource, object: DraftObject): DraftObject {
    const spec = object['spec'];
    if (resource.storage !== 'services' || !isRecord(spec) || spec['type'] === 'ExternalName') return object;
    const clusterIP = textAt(object, 'spec.clusterIP') || this.#next();
    return {
      ...object,
      spec: {
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ...spec,
        clusterIP,
        clusterIPs: [clusterIP],
      },
    };
  }

  /** An update that leaves the addresses out keeps them. */
  keep(resource: Resource, previous: KubeObject, next: KubeObject): KubeObject {
    if (resource.storage !== 'services' || !isRecord(next['spec']) || !isRecord(previous['spec']))
      return next;
    const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = previous['spec'];
    return { ...next, spec: { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy, ...next['spec'] } };
  }

  #next(): string {
    const taken = new Set(
      [...this.#store.table('services').values()].map((svc) => textAt(svc, 'spec.clusterIP')),
    );
    for (;;) {
      this.#last = (this.#last % 65_534) + 1;
      const address = `10.96.${this.#last >> 8}.${this.#last & 255}`;
      if (!taken.has(address)) return address;
    }
  }
}
