import type { V1ConfigMap } from '@kubernetes/client-node';
import { parseBool } from '../../config/environment.ts';
import type { Config } from '../../config/schema.ts';
import type { KubeClient } from '../../kube/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { ObservedInstance } from '../../plan/observed.ts';
import type { ConvertedValues } from './helm-values.ts';
import type { Registrar, TheirOrigin } from './registrar.ts';
import { argumentsBehind, goArguments, runsProgram, type Workload } from './workloads.ts';

const program = 'kube-consul-register';
/** `k8s_tag` where its ConfigMap has none. */
const defaultTag = 'kubernetes';

/** `tag`: the tag of everything it registers, if it is not that of the configuration. */
export function kubeConsulRegister(
  { compatibility: { kubeConsulRegister }, registration }: Config,
  tag: string | undefined,
): Registrar {
  const { enabled, k8sTag } = kubeConsulRegister;
  const mark = tag ?? (k8sTag || defaultTag);
  const setting = 'compatibility.kubeConsulRegister.k8sTag';
  return {
    name: program,
    runsIn: runsProgram(program),
    values: readValues,
    marks: `with the tag ${JSON.stringify(mark)} of ${program}`,
    originOf: (instance) => originOf(instance, mark),
    // While both use the same agents, it would remove what has its tag and an id that it does not know.
    ...(k8sTag === ''
      ? { compared: (instance) => ({ ...instance, tags: instance.tags.filter((each) => each !== mark) }) }
      : {}),
    before: [
      ...(enabled
        ? []
        : ['compatibility.kubeConsulRegister.enabled is not set: its annotations are not read.']),
      ...(k8sTag === ''
        ? [`The tag ${JSON.stringify(mark)} comes last: set ${setting} once ${program} is stopped.`]
        : []),
      ...(k8sTag !== '' && registration.mode === 'agent'
        ? [
            `While ${program} runs, it removes every instance that has its tag and an unknown id: leave ${setting} empty until it is stopped.`,
          ]
        : []),
    ],
  };
}

/**
 * Of a pod it makes the id `<pod>-<container>`, with both in the tags; of a Service `<service>-<uid>-<address>-<port>`,
 * and of Endpoints `<pod>-<port>`, with the uid in the tags. The tag alone may be somebody's own.
 */
function originOf({ id, tags, port }: ObservedInstance, mark: string): TheirOrigin | undefined {
  if (!tags.includes(mark)) return undefined;
  const named = (key: string) =>
    tags.flatMap((tag) => (tag.startsWith(`${key}:`) ? [tag.slice(key.length + 1)] : []));
  const containers = new Set(named('container'));
  const pod = named('pod').find(
    (name) => id.startsWith(`${name}-`) && containers.has(id.slice(name.length + 1)),
  );
  if (pod !== undefined) return { namespace: '', pod, uid: '' };
  const uid = named('uid').find((each) => each !== '');
  if (uid === undefined || !id.endsWith(`-${port}`)) return undefined;
  return id.includes(`-${uid}-`)
    ? { namespace: '', pod: '', uid }
    : { namespace: '', pod: id.slice(0, -`-${port}`.length), uid, lostTags: [`uid:${uid}`] };
}

type Settings = Readonly<Record<string, string>>;

async function readValues(
  { name, container }: Workload,
  kube: KubeClient,
  signal: AbortSignal,
): Promise<ConvertedValues> {
  const booleans = ['in-cluster', 'logtostderr', 'alsologtostderr', 'version'];
  const { flags } = goArguments(argumentsBehind(program, container), booleans);
  const configMap = flags.get('configmap') ?? 'default/kube-consul-register-config';
  const settings = configMap === '' ? {} : await readConfigMap(configMap, name, kube, signal);
  return valuesOf(settings, flags);
}

async function readConfigMap(
  configMap: string,
  workload: string,
  kube: KubeClient,
  signal: AbortSignal,
): Promise<Settings> {
  const [namespace = '', name = '', ...more] = configMap.split('/');
  if (namespace === '' || name === '' || more.length > 0) {
    throw new RegistrarError(
      'config',
      `${workload} runs with -configmap=${JSON.stringify(configMap)}, which is not NAMESPACE/NAME; correct it there`,
    );
  }
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps/${encodeURIComponent(name)}`;
  try {
    return (await kube.get<V1ConfigMap>(path, { signal })).data ?? {};
  } catch (thrown) {
    const { code, message } = RegistrarError.from(thrown);
    const text = `the settings of ${workload} are not known: ConfigMap ${configMap} cannot be read (${message})`;
    throw new RegistrarError(code, text, { cause: thrown });
  }
}

function valuesOf(settings: Settings, flags: ReadonlyMap<string, string>): ConvertedValues {
  const read = (name: string, initial = ''): string => settings[name] || initial;
  const mode = read('register_mode', 'single');
  const source = read('register_source', 'pod').replace(/^endpoints$/, 'endpoint');
  const [scheme, host, port] = [
    read('consul_scheme', 'http'),
    read('consul_address', 'localhost'),
    Number(read('consul_port', '8500')),
  ];
  const tag = read('k8s_tag', defaultTag);
  const isKnownSource = ['pod', 'service', 'endpoint'].includes(source);
  // One agent, which may be a server: there need not be any on the nodes.
  const withAgents = mode === 'node';
  const isElsewhere = mode === 'single' && host !== 'localhost' && /^https?$/.test(scheme);
  const address = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const namespace = flags.get('watch-namespace') ?? '';
  const selector = read('pod_label_selector');
  const kubernetes = {
    ...(namespace === '' ? {} : { namespaces: [namespace] }),
    ...(selector === '' ? {} : { podLabelSelector: selector }),
  };
  return {
    config: {
      ...(isElsewhere ? { consul: { addresses: [address] } } : {}),
      ...(Object.keys(kubernetes).length === 0 ? {} : { kubernetes }),
      ...(withAgents
        ? { registration: { mode: 'agent', agent: { scheme: scheme === 'https' ? scheme : 'http', port } } }
        : {}),
      compatibility: {
        kubeConsulRegister: {
          enabled: true,
          ...(isKnownSource ? { registerSource: source } : {}),
          k8sTag: withAgents ? '' : tag,
          consulContainerName: read('consul_container_name', 'consul'),
        },
      },
    },
    notes: [
      ...(isElsewhere ? [] : ['Add config.consul.addresses, the addresses of Consul.']),
      ...(withAgents
        ? [
            `Once ${program} is stopped, set compatibility.kubeConsulRegister.k8sTag: ${JSON.stringify(tag)}, its tag. Before that, it would remove every instance with this tag.`,
            'Without registration.mode "agent" nothing depends on agents: see agent-mode.md.',
          ]
        : []),
      ...notesOf(settings, flags, { source, isKnownSource, mode, scheme }),
    ],
  };
}

interface Facts {
  readonly source: string;
  readonly isKnownSource: boolean;
  readonly mode: string;
  readonly scheme: string;
}

/** No value of a secret setting is repeated. */
function notesOf(
  settings: Settings,
  flags: ReadonlyMap<string, string>,
  { source, isKnownSource, mode, scheme }: Facts,
): string[] {
  const isSet = (...names: readonly string[]) => names.some((name) => (settings[name] ?? '') !== '');
  const secret = flags.get('consul-secret') ?? '';
  return [
    ...(secret === ''
      ? []
      : [`Add consulCredentials: its token is in the Secret ${secret}, under consul_token.`]),
    ...(secret === '' && isSet('consul_token')
      ? ['Add consulCredentials: its token is in its ConfigMap (consul_token).']
      : []),
    ...(isSet('consul_ca_file', 'consul_cert_file', 'consul_key_file')
      ? [
          'Add caBundle, and a client certificate if it has one: consul_ca_file, consul_cert_file, consul_key_file.',
        ]
      : []),
    ...(parseBool(settings['consul_insecure_skip_verify'] ?? '') === true
      ? ['Not migrated: consul_insecure_skip_verify. Certificates are verified.']
      : []),
    ...(isKnownSource ? [] : [`Not migrated: register_source ${JSON.stringify(source)}.`]),
    ...(source === 'endpoint'
      ? [
          'Its annotation is on Endpoints: copy it to the Services, as described in migrate-from-registrars.md.',
        ]
      : []),
    ...(mode === 'pod'
      ? ['Not migrated: register_mode "pod". Nothing is registered with an agent in the pod itself.']
      : []),
    ...(scheme === 'consul-unix'
      ? ['Not migrated: consul_scheme "consul-unix". Consul is reached over HTTP.']
      : []),
    ...(mode === 'node' && isSet('consul_node_selector')
      ? ['Not migrated: consul_node_selector. Every node with a registered pod needs an agent.']
      : []),
  ];
}
