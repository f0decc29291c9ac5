import * as z from 'zod';
import { dnsLabel, dnsSubdomain, duration, text } from '../fields.ts';

export const leaderElection = z.strictObject({
  enabled: z.boolean().default(false).meta({
    description:
      'Whether the replicas elect a leader with a Lease; only the leader writes. Without it, run exactly one replica.',
  }),
  leaseName: text(dnsSubdomain, 'a name for a Lease; use lower-case letters, digits, "-" and "."')
    .default('kube-registrar')
    .meta({ description: 'Name of the Lease.' }),
  namespace: dnsLabel.optional().meta({
    description: 'Namespace of the Lease. Default: that of the pod, or of the kubeconfig context.',
  }),
  leaseDuration: duration(
    '15s',
    1_000,
    'How long the other replicas wait after the last renewal before one of them takes over.',
  ),
  renewDeadline: duration(
    '10s',
    500,
    'How long the leader keeps leading if it cannot renew the Lease. Must be shorter than `leaseDuration`.',
  ),
  retryPeriod: duration(
    '2s',
    100,
    'How often the leader renews the Lease and the others check it. `renewDeadline` must be more than 1.2 times this.',
  ),
});
