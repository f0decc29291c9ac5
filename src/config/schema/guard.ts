import * as z from 'zod';
import { duration, number } from '../fields.ts';

export const guard = z.strictObject({
  removals: z.boolean().default(true).meta({
    description:
      'Whether removals that nothing in the cluster explains must be confirmed by a consistent read, and are held if there are too many. `false`: whatever is missing is removed at once.',
  }),
  removalMinimum: number(
    10,
    { least: 0, most: 1_000_000, whole: true },
    'This many confirmed removals without an explanation are always allowed within the window, because small clusters quickly exceed any ratio. octoDNS also starts at 10 records.',
  ),
  removalRatio: number(
    0.3,
    { least: 0, most: 1 },
    'This share of all instances may be removed without an explanation within the window. The larger of the two limits applies. octoDNS refuses plans that delete more than 30 %.',
  ),
  health: z.boolean().default(true).meta({
    description: 'Whether a loss of health is held when many nodes cause it at once.',
  }),
  healthRatio: number(
    0.5,
    { least: 0, most: 1 },
    "A loss of health is held if nodes that are not Ready would make more than this share of a service's passing instances critical within the window. Envoy ignores health below 50 % healthy hosts.",
  ),
  healthNodeRatio: number(
    0.3,
    { least: 0, most: 1 },
    "It is held only if more than this share of the cluster's nodes is affected: a few nodes are probably broken, many are probably cut off from the control plane. Two of twenty nodes are believed at once, one of three zones is not.",
  ),
  healthMinimumNodes: number(
    2,
    { least: 1, most: 100_000, whole: true },
    'It is held only if at least this many nodes become not Ready within the window: one lost node is probably broken, several at once are probably cut off.',
  ),
  window: duration(
    '5m',
    1_000,
    'Period over which removals and losses of health are counted. Kubernetes evicts the pods of a node that is not Ready after the same time.',
  ),
  settle: duration(
    '1s',
    0,
    'How long an unexplained removal, or the loss of a node, waits for others with the same cause. Their events usually arrive within this time.',
  ),
  kubeletGrace: duration(
    '75s',
    1_000,
    'How long a kubelet that is in touch with the API server may take to learn that a pod is deleted, and to stop it. After an API server outage it may wait 60 s before it lists its pods, and Leases are read every 10 s.',
  ),
  confirm: duration(
    '2m',
    1_000,
    'How long removals are held when no kubelet can confirm them. They are then made in batches, if consistent reads this far apart agree and the API server was healthy throughout. Set it longer than a restart of the control plane takes.',
  ),
  maxHold: duration(
    '15m',
    1_000,
    'How long a hold lasts at most, if the API server was healthy throughout: it answers, accepts writes, and its history does not go backwards. This leaves time to investigate and to pin what still runs, without keeping wrong entries forever.',
  ),
  release: z.enum(['automatic', 'manual']).default('automatic').meta({
    description:
      '`manual`: a hold only ends when the pod is proved to have ended or a person releases it, never because time has passed.',
  }),
});
