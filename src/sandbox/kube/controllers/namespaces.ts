import type { Clock } from '../../../lib/clock.ts';
import type { KubeApi } from '../kube-api.ts';
import { resourceNamed, resources } from '../resources.ts';
import { Loop } from './loop.ts';
import { isDeleting } from './shapes.ts';

const latencyMs = 20;
const namespaces = resourceNamed('namespaces');
const serviceAccounts = resourceNamed('serviceaccounts');
const contents = [...new Set(resources.filter(({ namespaced }) => namespaced).map(({ storage }) => storage))];

/** Empties namespaces that are being deleted, then lets them go; gives new ones their default ServiceAccount. */
export class Namespaces implements Disposable {
  readonly #api: KubeApi;
  readonly #loop: Loop;
  readonly #subscription: Disposable;

  constructor(api: KubeApi, clock: Clock) {
    this.#api = api;
    this.#loop = new Loop(clock, latencyMs, (name) => this.#reconcile(name));
    this.#subscription = api.store.subscribe(({ storage, key, object, previous }) => {
      if (storage === 'namespaces') this.#loop.mark(key);
      else if (object === undefined) this.#loop.mark(previous?.metadata.namespace ?? '');
    });
    this.resync();
  }

  resync(): void {
    for (const name of this.#api.store.table('namespaces').keys()) this.#loop.mark(name);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#loop[Symbol.dispose]();
  }

  #reconcile(name: string): void {
    const namespace = this.#api.store.get('namespaces', undefined, name);
    if (namespace === undefined) return;
    if (!isDeleting(namespace)) {
      const exists = this.#api.store.get('serviceaccounts', name, 'default') !== undefined;
      if (!exists) this.#api.registry.create(serviceAccounts, name, { metadata: { name: 'default' } });
      return;
    }
    let left = 0;
    for (const storage of contents) {
      for (const object of this.#api.store.list(storage, name)) {
        if (!isDeleting(object))
          this.#api.registry.delete(resourceNamed(storage), name, object.metadata.name);
        if (this.#api.store.get(storage, name, object.metadata.name) !== undefined) left += 1;
      }
    }
    if (left === 0) this.#api.store.remove(namespaces, undefined, name);
  }
}
