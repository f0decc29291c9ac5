import type { Endpoint } from '../model/endpoint-slice.ts';
import type { Health } from './health.ts';

/**
 * What the endpoints of a Service are together. Only a change of it changes what the Service is registered as.
 *
 * - `ready`       at least one is ready
 * - `terminating` none is, and all that are left are terminating
 * - `not-ready`   none is
 * - `none`        there are no endpoints
 */
export type Readiness = 'ready' | 'terminating' | 'not-ready' | 'none';

/**
 * The readiness of these endpoints together. With `publishNotReadyAddresses` every endpoint is marked ready; `serving`
 * shows whether it is.
 */
export function readinessOf(endpoints: Iterable<Endpoint>): Readiness {
  let readiness: Readiness = 'none';
  for (const { ready, serving, terminating, addresses } of endpoints) {
    if (addresses.length === 0) continue;
    if (ready && serving && !terminating) return 'ready';
    if (!terminating) readiness = 'not-ready';
    else if (readiness === 'none') readiness = 'terminating';
  }
  return readiness;
}

const passing = (output: string): Health => ({ status: 'passing', output });
const critical = (output: string): Health => ({ status: 'critical', output });

/** The health of what leads to endpoints of this readiness. `where`: `of the Service`, `on this node`. */
export function healthBehind(readiness: Readiness, where: string): Health {
  switch (readiness) {
    case 'ready':
      return passing(`An endpoint ${where} is ready`);
    case 'terminating':
      return critical(`Every endpoint ${where} is terminating`);
    case 'not-ready':
      return critical(`No endpoint ${where} is ready`);
    case 'none':
      return critical(`There is no endpoint ${where}`);
  }
}

/** Of what Kubernetes keeps no endpoints of. */
export const unknownHealth: Health = passing('Kubernetes does not know what is behind it');
