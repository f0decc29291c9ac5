import type { CatalogInstance } from './catalog.ts';
import { backendOf, keptFor, type Truth } from './truth.ts';

/** What a mistake in the configuration leaves out: a few of it may go, many stay. */
export class LeftOut {
  readonly #mistaken: Truth;
  readonly #right: Truth;
  readonly #isOfNamespaces: boolean;

  /** `isOfNamespaces`: it is a mistake in what namespaces anything is registered of, annotated or not. */
  constructor(mistaken: Truth, right: Truth, isOfNamespaces: boolean) {
    this.#mistaken = mistaken;
    this.#right = right;
    this.#isOfNamespaces = isOfNamespaces;
  }

  /** Whether it is left out, though its object is there. */
  has(instance: CatalogInstance): boolean {
    const isThere = isAsked(this.#right, instance) || this.#right.pods.get(backendOf(instance.key)) === true;
    return isThere && !isAsked(this.#mistaken, instance);
  }

  /** Whether its owner's own annotation asked for it, so that it is his word that it goes. */
  isWithdrawn({ entry }: CatalogInstance): boolean {
    return !this.#isOfNamespaces && entry.Meta?.['kube-by-default'] === undefined;
  }
}

const isAsked = (truth: Truth, { key, entry }: CatalogInstance): boolean =>
  truth.instances.has(key) || keptFor(truth, entry) !== undefined;
