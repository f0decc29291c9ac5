import * as z from 'zod';
import { dnsLabel, optional, selector, text } from '../fields.ts';

export const cluster = z.strictObject({
  name: dnsLabel.default('kubernetes').meta({
    description:
      "Name of this cluster. Its nodes' names in Consul start with it. Clusters that share a Consul need different names.",
  }),
  uid: text(/^[A-Za-z0-9][-A-Za-z0-9_.]{0,127}$/, 'usable as a uid; use letters, digits, "-", "_" and "."')
    .optional()
    .meta({
      description:
        'Identity of this cluster, which marks its entries in Consul. Default: the uid of the namespace kube-system. Set it only if the operator may not read that namespace.',
    }),
});

export const kubernetes = z.strictObject({
  kubeconfig: optional(
    'Path of a kubeconfig. Default: KUBECONFIG, then ~/.kube/config, then the ServiceAccount of the pod.',
  ),
  context: optional('Context of the kubeconfig. Default: its current context.'),
  namespaces: z.array(dnsLabel).default([]).meta({
    description:
      'Namespaces to watch. Empty: all, which needs cluster-wide rights. Otherwise rights in these namespaces are enough, and nodes are not watched.',
  }),
  podLabelSelector: selector(
    'Label selector for pods, to watch fewer of them in a large cluster.',
    'consul=yes,tier in (front, back)',
  ),
});
