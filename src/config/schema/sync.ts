import * as z from 'zod';
import {
  defaultKinds,
  namespaceAnnotationMistake,
  serviceTypes,
  systemNamespaces,
} from '../../desired/sync-rules.ts';
import { routeSources } from '../../model/route.ts';
import { checked, duration, selector, text } from '../fields.ts';

const namespacePattern = text(
  /^[a-z0-9*]([-a-z0-9*]{0,61}[a-z0-9*])?$/,
  'the name of a namespace; write "shop" or "team-*", in lower case, at most 63 characters',
);

const syncNamespaces = z.strictObject({
  include: z
    .array(namespacePattern)
    .min(1, { error: 'is empty; name at least one namespace, or remove the key' })
    .optional()
    .meta({
      description:
        'Only objects in these namespaces are registered, annotated or not; `*` stands for any text. Default: all namespaces.',
      examples: [['shop', 'team-*']],
    }),
  exclude: z
    .array(namespacePattern)
    .optional()
    .meta({
      description: `Objects in these namespaces are not registered, annotated or not; \`*\` stands for any text. Wins over \`include\`. Default: ${systemNamespaces.map((each) => `\`${each}\``).join(', ')}, for \`sync.default\` only; annotated objects in them are registered.`,
      examples: [['kube-*', 'sandbox']],
    }),
  selector: selector(
    'Label selector: only objects in matching namespaces are registered. Label changes take effect at once. Needs the right to list and watch namespaces.',
    'consul=yes',
  ),
});

export const sync = z.strictObject({
  fullComparisonInterval: duration(
    '60s',
    1_000,
    'How often the complete desired state is compared with Consul, in addition to reacting to changes. Jittered by a few percent.',
  ),
  policy: z.enum(['sync', 'upsert-only', 'dry-run']).default('sync').meta({
    description:
      '`sync`: write and remove. `upsert-only`: never remove. `dry-run`: write nothing, only log what would be written.',
  }),
  default: z.enum(defaultKinds).default('none').meta({
    description:
      'What is registered without annotations: nothing, every Service under its name, or every pod with a container port under the name of its workload. `service: "false"` excludes an object.',
  }),
  namespaces: syncNamespaces
    .prefault({})
    .meta({ description: 'The namespaces whose objects are registered.' }),
  serviceTypes: z
    .array(z.enum(serviceTypes))
    .min(1, { error: 'is empty; name at least one type of Service' })
    .default(serviceTypes.filter((type) => type !== 'ExternalName'))
    .meta({
      description: `Types of Services that \`sync.default: services\` registers: ${serviceTypes.map((each) => `\`${each}\``).join(', ')}. \`Headless\` is a Service of type ClusterIP without an address.`,
    }),
  labelSelector: selector(
    'Label selector for the Services or pods that `sync.default` registers. Default: all.',
    'consul!=no',
  ),
  namespaceAnnotations: z
    .array(checked(namespaceAnnotationMistake))
    .default([])
    .meta({
      description:
        'Annotations that are allowed on a Namespace, where they are defaults for every object in it. Names without the prefix; `*` stands for any text. Needs the right to list and watch namespaces.',
      examples: [['tags', 'meta.*', 'drain']],
    }),
  sources: z
    .array(z.enum(routeSources))
    .default([])
    .meta({
      description:
        'Annotated resources to register in addition to pods and Services: `ingresses`, and `gateways` for HTTPRoutes, GRPCRoutes and TLSRoutes of the Gateway API. Each needs additional rights. See routes.md.',
      examples: [['ingresses', 'gateways']],
    }),
});
