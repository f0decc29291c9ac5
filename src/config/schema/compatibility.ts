import * as z from 'zod';
import { namespaceOrAll, text } from '../fields.ts';

/** The keys have the names of consul-k8s's chart values, `syncCatalog`. */
const consulK8s = z.strictObject({
  enabled: z.boolean().default(false).meta({
    description:
      'Whether Services are registered as consul-k8s catalog sync registers them, by its annotations and defaults. The other keys have the names of its chart values. See migrate-from-consul-k8s.md.',
  }),
  default: z.boolean().default(true).meta({
    description: 'Whether Services without `consul.hashicorp.com/service-sync` are registered.',
  }),
  k8sAllowNamespaces: z
    .array(namespaceOrAll)
    .default(['*'])
    .meta({ description: 'Namespaces whose Services are registered; `*` stands for all.' }),
  k8sDenyNamespaces: z
    .array(namespaceOrAll)
    .default(['kube-system', 'kube-public'])
    .meta({ description: 'Namespaces whose Services are never registered.' }),
  consulPrefix: text(/^[A-Za-z0-9-]{0,62}$/, 'a prefix of a service name; use letters, digits and hyphens')
    .default('')
    .meta({ description: 'Prefix of the names in Consul. It is not added to names from the annotation.' }),
  addK8SNamespaceSuffix: z.boolean().default(true).meta({
    description: 'Whether names in Consul end with the namespace. Names from the annotation do not.',
  }),
  syncClusterIPServices: z
    .boolean()
    .default(true)
    .meta({ description: 'Whether Services of type ClusterIP are registered.' }),
  syncLoadBalancerEndpoints: z.boolean().default(false).meta({
    description: 'Whether Services of type LoadBalancer are registered by their endpoints.',
  }),
  nodePortSyncType: z.enum(['ExternalOnly', 'ExternalFirst', 'InternalOnly']).default('ExternalFirst').meta({
    description: 'Which node address is registered for Services of type NodePort.',
  }),
  consulNodeName: text(/^[^\s\\'"]{1,128}$/, 'the name of a Consul node; write it without spaces and quotes')
    .default('k8s-sync')
    .meta({ description: 'The Consul node on which consul-k8s registers, for `kube-registrar migrate`.' }),
  k8sTag: text(/^[^\s\\,]{0,128}$/, 'a tag; write it without spaces, commas and backslashes')
    .default('k8s')
    .meta({ description: 'The tag of every instance. Empty: none.' }),
  ids: z.boolean().default(true).meta({
    description:
      'Whether instances have the ids that consul-k8s gives them. Keep this while consul-k8s runs, because it removes every instance that has its tag and an unknown id.',
  }),
  meta: z.boolean().default(true).meta({
    description: 'Whether instances of Services have the meta of consul-k8s, such as `external-k8s-ns`.',
  }),
});

const tag = text(/^[^\s\\,]{0,128}$/, 'a tag; write it without spaces, commas and backslashes');

/** Named as in its ConfigMap, in camel case. */
const kubeConsulRegister = z.strictObject({
  enabled: z.boolean().default(false).meta({
    description:
      'Whether objects with the annotations of kube-consul-register are registered. See migrate-from-registrars.md.',
  }),
  registerSource: z.enum(['pod', 'service', 'endpoint']).default('pod').meta({
    description:
      'Which annotated objects are registered, as with its `register_source`: pods, Services of type NodePort with the addresses of all nodes, or Services with their endpoints.',
  }),
  tags: z.boolean().default(true).meta({
    description:
      'Whether instances have its tags: the pod, node, container and labels for pods, the labels for Services.',
  }),
  k8sTag: tag.default('').meta({
    description:
      'Its tag for every instance. Empty: none. Leave it empty while kube-consul-register runs with the same agents, because it removes every instance that has its tag and is unknown to it.',
  }),
  consulContainerName: text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'the name of a container')
    .default('consul')
    .meta({ description: 'The container that is never registered.' }),
});

const kubeConsulRegistrator = z.strictObject({
  enabled: z.boolean().default(false).meta({
    description:
      'Whether pods with the annotations of kube-consul-registrator are registered. See migrate-from-registrars.md.',
  }),
});

const registrator = z.strictObject({
  enabled: z.boolean().default(false).meta({
    description:
      'Whether pods are registered if a container has a variable `SERVICE_NAME` or `SERVICE_<port>_NAME`, as by registrator with `-explicit`. All other variables `SERVICE_…` become meta. See migrate-from-registrars.md.',
  }),
});

export const compatibility = z.strictObject({
  consulK8s: consulK8s
    .prefault({})
    .meta({ description: 'The catalog sync of consul-k8s, from Kubernetes to Consul.' }),
  kubeConsulRegister: kubeConsulRegister
    .prefault({})
    .meta({ description: 'kube-consul-register (`consul.register/…`).' }),
  kubeConsulRegistrator: kubeConsulRegistrator
    .prefault({})
    .meta({ description: 'kube-consul-registrator (`consul-registrator/…`).' }),
  registrator: registrator
    .prefault({})
    .meta({ description: 'registrator (`SERVICE_…` in the environment of containers).' }),
});
