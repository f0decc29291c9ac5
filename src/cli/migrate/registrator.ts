import type { Config } from '../../config/schema.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { ObservedInstance } from '../../plan/observed.ts';
import type { ConvertedValues } from './helm-values.ts';
import type { Registrar, TheirOrigin } from './registrar.ts';
import { argumentsBehind, goArguments, runsProgram, type Workload } from './workloads.ts';

const program = 'registrator';

/** https://github.com/gliderlabs/registrator, as a DaemonSet or on the machines. */
export const registrator = ({ compatibility }: Config): Registrar => ({
  name: program,
  runsIn: runsProgram(program),
  values: async (workload) => valuesOf(workload),
  marks: 'of pods that registrator has registered',
  originOf,
  compared: (instance) => ({ ...instance, meta: withoutChecks(instance.meta) }),
  before: compatibility.registrator.enabled
    ? []
    : ['compatibility.registrator.enabled is not set: only annotations are used, not its variables.'],
});

/**
 * Its ids are `<host>:<container>:<port>`, with `:udp` behind some. The kubelet names containers
 * `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`; other containers are none of the cluster's.
 */
const idOfPod = /^[^:]+:k8s_[^_:]+_([^_:]+)_([^_:]+)_([^_:]+)_\d+:\d+(?::udp)?$/;

function originOf({ id }: Pick<ObservedInstance, 'id'>): TheirOrigin | undefined {
  const [, pod = '', namespace = '', uid = ''] = idOfPod.exec(id) ?? [];
  return pod === '' ? undefined : { namespace, pod, uid };
}

/** It keeps the variables of its checks as meta. */
const withoutChecks = (meta: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(meta).filter(([key]) => !key.startsWith('check_')));

/** Without what `baseTags` refuses, and without a template. */
const usableTag = /^[^\s\\,'"{}]{1,128}$/;
const booleans = ['internal', 'explicit', 'cleanup', 'version'];

function valuesOf({ name, container }: Workload): ConvertedValues {
  const { flags, rest } = goArguments(argumentsBehind(program, container), booleans);
  const [uri = ''] = rest;
  const [, scheme = '', authority = ''] = /^(consul|consul-tls|consul-unix):\/\/([^/?#]*)/.exec(uri) ?? [];
  if (scheme === '') {
    throw new RegistrarError(
      'config',
      `${name}: its registry is ${JSON.stringify(uri)}, which is not Consul's catalog of services; there is nothing to migrate`,
    );
  }
  const [, host = '', port = '8500'] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  // One agent on each machine, or one for all of them.
  const isLocal = host === '' || host.includes('$(') || /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(host);
  const web = scheme === 'consul-tls' ? 'https' : 'http';
  const forced = flags.get('tags') ?? '';
  const tags = (forced.includes('{{') ? [forced] : forced.split(/(?<!\\),/))
    .map((tag) => tag.replaceAll('\\,', ','))
    .filter((tag) => tag !== '');
  const baseTags = tags.filter((tag) => usableTag.test(tag));
  const others = tags.filter((tag) => !baseTags.includes(tag));
  return {
    config: {
      ...(isLocal ? {} : { consul: { addresses: [`${web}://${host}:${port}`] } }),
      ...(isLocal && scheme !== 'consul-unix'
        ? { registration: { mode: 'agent', agent: { scheme: web, port: Number(port) } } }
        : {}),
      ...(baseTags.length === 0 ? {} : { baseTags }),
      compatibility: { registrator: { enabled: true } },
    },
    notes: [
      ...(isLocal ? ['Add config.consul.addresses, the addresses of Consul.'] : []),
      ...(isLocal && scheme !== 'consul-unix'
        ? ['Without registration.mode "agent" nothing depends on agents: see agent-mode.md.']
        : []),
      ...(scheme === 'consul-unix' ? ['Not migrated: the socket of Consul. It is reached over HTTP.'] : []),
      'Add consulCredentials or config.consul.acl if Consul requires a token, and caBundle for TLS.',
      ...others.map((tag) => `Not migrated: the tag ${JSON.stringify(tag)} of -tags; see baseTags.`),
      ...notesOf(flags),
      'Its variables in pod templates are used. Kubernetes does not know the variables, ports and labels of images.',
    ],
  };
}

/** What is not said here has no effect on what is registered: `-cleanup`, `-resync`, `-retry-attempts`, `-ttl` … */
function notesOf(flags: ReadonlyMap<string, string>): string[] {
  const isSet = (name: string) => flags.get(name) === 'true';
  const given = (name: string, remedy: string) =>
    flags.has(name) ? [`Not migrated: -${name}=${JSON.stringify(flags.get(name))}. ${remedy}`] : [];
  return [
    ...given('ip', 'An instance has the address of its pod, or what kube-registrar.io/address says.'),
    ...given('useIpFromLabel', 'An instance has the address of its pod.'),
    ...(isSet('internal')
      ? []
      : [
          'Every port that a container declares is registered with the address of the pod (no -internal). To use that of the host, write kube-registrar.io/address: host.',
        ]),
    ...(flags.get('deregister') === 'on-success'
      ? ['Not migrated: -deregister=on-success. An instance is removed with its pod, however the pod ended.']
      : []),
    ...(isSet('explicit')
      ? []
      : [
          'Containers without SERVICE_NAME have the name of their image there (no -explicit) and are left alone here: write SERVICE_NAME, or kube-registrar.io/service.',
        ]),
  ];
}
