import type { KubernetesObject } from '@kubernetes/client-node';
import { describe } from '../../lib/errors.ts';
import type { Logger } from '../../logging/logger.ts';

/** Makes records of objects. An object that cannot be read is logged and counted; the others go on. */
export class Projector<O extends KubernetesObject, R> {
  readonly #project: (object: O) => R;
  readonly #logger: Logger;
  #badObjects = 0;

  constructor(project: (object: O) => R, logger: Logger) {
    this.#project = project;
    this.#logger = logger;
  }

  get badObjects(): number {
    return this.#badObjects;
  }

  record(object: O): R | undefined {
    try {
      return this.#project(object);
    } catch (thrown) {
      this.#badObjects += 1;
      const { namespace = '', name = '' } = object.metadata ?? {};
      this.#logger.warn(`cannot read the object ${namespace}/${name}; leaving it out`, {
        reason: 'BadObject',
        object: `${namespace}/${name}`,
        error: describe(thrown),
      });
      return undefined;
    }
  }
}
