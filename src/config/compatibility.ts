import * as z from 'zod';
import { text } from './fields.ts';

const namespaceOrAll = text(
  /^(\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$/,
  'a namespace; write its name, or "*" for every namespace',
);

/** Named as in the values of their chart, `syncCatalog`. */
const consulK8s = z.strictObject({
  enabled: z.boolean().default(false).meta({
    description:
      'Whether Services are registered as the catalog sync of consul-k8s does it, by its annotations and defaults. The other keys are named as in the values of its chart. See migrate-from-consul-k8s.md.',
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
    .meta({ description: 'Namespaces whose Services are not registered, whatever else says so.' }),
  consulPrefix: text(/^[A-Za-z0-9-]{0,62}$/, 'a start of a service name; use letters, digits and hyphens')
    .default('')
    .meta({ description: 'Start of the names in Consul. Names from the annotation do not get it.' }),
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
    description: 'Which address of a node Services of type NodePort are registered with.',
  }),
  consulNodeName: text(/^[^\s\\'"]{1,128}$/, 'the name of a Consul node; write it without spaces and quotes')
    .default('k8s-sync')
    .meta({ description: 'The Consul node that they register on, for `kube-registrar migrate`.' }),
  k8sTag: text(/^[^\s\\,]{0,128}$/, 'a tag; write it without spaces, commas and backslashes')
    .default('k8s')
    .meta({ description: 'The tag of every instance. Empty: none.' }),
  ids: z.boolean().default(true).meta({
    description:
      'Whether instances have their ids. To be kept while consul-k8s runs: it removes every instance with its tag and an id that it does not know.',
  }),
  meta: z.boolean().default(true).meta({
    description: 'Whether instances of Services have their meta, such as `external-k8s-ns`.',
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
      'Which objects ask by its annotations, as its `register_source`: pods, Services of type NodePort by the addresses of all nodes, or Services by their endpoints.',
  }),
  tags: z.boolean().default(true).meta({
    description:
      'Whether instances have its tags: of pods the pod, node, container and labels, of Services the labels.',
  }),
  k8sTag: tag.default('').meta({
    description:
      'Its tag for every instance. Empty: none. To be left empty while it runs with the same agents: it removes what has its tag and is unknown to it.',
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
      'Whether pods whose containers have a variable `SERVICE_NAME` or `SERVICE_<port>_NAME` are registered, as by registrator with `-explicit`. All their variables `SERVICE_…` become meta. See migrate-from-registrars.md.',
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
