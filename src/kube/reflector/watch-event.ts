import type { KubernetesObject } from '@kubernetes/client-node';
import { RegistrarError } from '../../lib/errors.ts';
import { type StatusBody, statusError } from '../status-error.ts';

/** One line of a watch (meta/v1 WatchEvent). */
export type WatchEvent<O> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: O; readonly resourceVersion: string }
  | {
      readonly type: 'BOOKMARK';
      readonly resourceVersion: string;
      /** The bookmark that ends the initial events of a WatchList (KEP-3157). */
      readonly initialEventsEnd: boolean;
    }
  | { readonly type: 'ERROR'; readonly error: RegistrarError };

/** Throws `protocol` when the line is not an event: bad JSON, an unknown type, no object, no resourceVersion. */
export function parseWatchEvent<O extends KubernetesObject>(line: string): WatchEvent<O> {
  let event: { readonly type?: unknown; readonly object?: unknown } | null;
  try {
    event = JSON.parse(line);
  } catch {
    // Without V8's message, which quotes a part of the text.
    throw new RegistrarError('protocol', 'a line of the watch is not JSON');
  }
  const object = event?.object;
  if (typeof object !== 'object' || object === null) {
    throw new RegistrarError('protocol', 'a line of the watch holds no object');
  }
  if (event?.type === 'ERROR') {
    const status = object as StatusBody;
    return { type: 'ERROR', error: statusError('the watch was ended', status.code ?? 500, status) };
  }
  const { metadata } = object as KubernetesObject;
  const resourceVersion = metadata?.resourceVersion;
  if (!resourceVersion) {
    throw new RegistrarError('protocol', 'an event of the watch has no resourceVersion');
  }
  switch (event?.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (!metadata.name) throw new RegistrarError('protocol', 'an object of the watch has no name');
      return { type: event.type, object: object as O, resourceVersion };
    case 'BOOKMARK':
      return {
        type: 'BOOKMARK',
        resourceVersion,
        initialEventsEnd: metadata.annotations?.['k8s.io/initial-events-end'] === 'true',
      };
    default:
      throw new RegistrarError('protocol', `the watch sent an event of the unknown type ${event?.type}`);
  }
}
