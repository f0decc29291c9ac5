import type { Readiness } from '../../desired/readiness.ts';
import { isReachedAsWhole, isReachedOnEveryNode } from '../../desired/service-places.ts';
import type { ServiceRecord } from '../../model/service.ts';

interface Whole {
  readonly namespace: string;
  readonly name: string;
  readonly readiness: Readiness;
  readonly isOnEveryNode: boolean;
}

/** Which nodes a change concerns: those of endpoints that name none, and all. */
export interface Concerned {
  readonly noNode: boolean;
  readonly everyNode: boolean;
}

const nobody: Concerned = { noNode: false, everyNode: false };

/**
 * The Services that may be registered by other addresses than those of their endpoints, each with the readiness of its
 * endpoints together. Other Services never get in and cost nothing.
 */
export class WholeServices {
  readonly #services = new Map<string, Whole>();

  /** Takes note of a Service that asks for something; undefined: it does not, or is gone. */
  update(
    namespace: string,
    name: string,
    service: ServiceRecord | undefined,
    readiness: () => Readiness,
  ): Concerned {
    const key = `${namespace}/${name}`;
    const before = this.#services.get(key);
    if (service === undefined || !isReachedAsWhole(service)) {
      this.#services.delete(key);
      return before === undefined ? nobody : { noNode: true, everyNode: before.isOnEveryNode };
    }
    const isOnEveryNode = isReachedOnEveryNode(service);
    this.#services.set(key, { namespace, name, readiness: readiness(), isOnEveryNode });
    return { noNode: true, everyNode: isOnEveryNode || before?.isOnEveryNode === true };
  }

  /** Endpoints of a Service changed. */
  endpointsChanged(namespace: string, name: string, readiness: () => Readiness): Concerned {
    const key = `${namespace}/${name}`;
    const known = this.#services.get(key);
    if (known === undefined) return nobody;
    const now = readiness();
    if (now === known.readiness) return nobody;
    this.#services.set(key, { ...known, readiness: now });
    return { noNode: true, everyNode: known.isOnEveryNode };
  }

  readiness(namespace: string, name: string): Readiness | undefined {
    return this.#services.get(`${namespace}/${name}`)?.readiness;
  }

  get isEmpty(): boolean {
    return this.#services.size === 0;
  }

  all(): Iterable<{ readonly namespace: string; readonly name: string }> {
    return this.#services.values();
  }

  *onEveryNode(): Iterable<{ readonly namespace: string; readonly name: string }> {
    for (const service of this.#services.values()) if (service.isOnEveryNode) yield service;
  }
}
