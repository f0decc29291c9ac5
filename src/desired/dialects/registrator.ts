import type { V1Container, V1ContainerPort, V1Pod } from '@kubernetes/client-node';
import { mostUserKeys } from '../meta.ts';
import { splitTags } from '../tags.ts';
import {
  asDeclared,
  type DeclaredFields,
  type Dialect,
  ignore,
  literal,
  type NotFollowed,
  refuse,
  type Translated,
  variablePrefix,
} from './dialect.ts';
import { registratorCheck } from './registrator-check.ts';

/** Of a pod, which may have thousands, so many are looked at: as many services as the list may have, and one more. */
const most = { containers: 32, variables: 256, services: 33 } as const;

/**
 * registrator's variables `SERVICE_<KEY>` and `SERVICE_<port>_<KEY>` in the environment of a pod's containers. Each port
 * of a container becomes an instance with the pod's address, as with its options `-internal` and `-explicit`: without a
 * name nothing is registered.
 */
export const registratorDialect: Dialect = { name: 'registrator', prefix: variablePrefix, ofPod: translate };

function translate({ spec }: V1Pod): Translated {
  const services: DeclaredFields[] = [];
  const notFollowed: Record<string, NotFollowed> = {};
  for (const container of (spec?.containers ?? []).slice(0, most.containers)) {
    const variables = variablesOf(container);
    const { ports = [] } = container;
    const wrong = withoutPorts(container, variables);
    if (wrong !== undefined) Object.assign(notFollowed, wrong);
    else if (variables.length > 0) {
      for (const port of ports.slice(0, most.services - services.length)) {
        const found = ofPort(port, ports.length > 1, { name: container.name, variables });
        Object.assign(notFollowed, found.notFollowed);
        if (found.service !== undefined) services.push(found.service);
      }
    }
  }
  return { ...asDeclared(services), ...notFollowed };
}

interface Variable {
  readonly name: string;
  /** Undefined: for every port. */
  readonly port: number | undefined;
  /** In small letters. */
  readonly key: string;
  /** Undefined: it is not known here. */
  readonly value: string | undefined;
}

/** What names a port comes last, because it wins over what is for all. */
function variablesOf({ env = [] }: V1Container): Variable[] {
  const found = env.slice(0, most.variables).flatMap(({ name, value = '', valueFrom }): Variable[] => {
    const [, port, key] = /^SERVICE_(?:(\d{1,5})_)?(.+)$/s.exec(name) ?? [];
    if (key === undefined) return [];
    const isKnown = valueFrom === undefined && !value.includes('$(');
    const number = port === undefined ? undefined : Number(port);
    return [{ name, port: number, key: key.toLowerCase(), value: isKnown ? value : undefined }];
  });
  return found.sort((a, b) => Number(a.port !== undefined) - Number(b.port !== undefined));
}

/** What is wrong with a container as a whole; undefined where its ports decide. */
function withoutPorts(
  { name, ports = [] }: V1Container,
  variables: readonly Variable[],
): Readonly<Record<string, NotFollowed>> | undefined {
  const naming = variables.find(({ key }) => key === 'name');
  if (naming === undefined) {
    const meant = variables.find(({ key }) => key === 'tags' || key.startsWith('check_'));
    if (meant === undefined) return {};
    const why = `of container ${name} is set without SERVICE_NAME, so registrator would name the service after the image; write the name`;
    return { [variablePrefix + meant.name]: refuse(why, 'service') };
  }
  if (ports.length > 0) return undefined;
  const why = `of container ${name} has no effect: the container declares no port, and the ports of its image are unknown`;
  return { [variablePrefix + naming.name]: ignore(why) };
}

interface Found {
  /** Undefined: it is not registered. */
  readonly service: DeclaredFields | undefined;
  readonly notFollowed: Readonly<Record<string, NotFollowed>>;
}

function ofPort(
  { containerPort, protocol = 'TCP' }: V1ContainerPort,
  isGroup: boolean,
  container: { readonly name: string; readonly variables: readonly Variable[] },
): Found {
  const settings = new Map<string, Variable>();
  for (const variable of container.variables) {
    if (variable.port === undefined || variable.port === containerPort) settings.set(variable.key, variable);
  }
  const read = (key: string): string => settings.get(key)?.value ?? '';
  if (read('ignore') !== '') return { service: undefined, notFollowed: {} };
  const check = registratorCheck(read, containerPort);
  const notFollowed: Record<string, NotFollowed> = {};
  const say = (key: string, { why, ...rest }: NotFollowed): void => {
    const { name } = settings.get(key)!;
    notFollowed[variablePrefix + name] = { ...rest, why: `of container ${container.name} ${why}` };
  };
  for (const [key, { value }] of settings) {
    if (value !== undefined) continue;
    const why = 'has an unknown value, from valueFrom or another variable';
    say(key, decides(key) ? refuse(`${why}; write the value`, 'service') : ignore(why));
  }
  if (settings.has('id')) say('id', ignore('has no effect: ids are those of kube-registrar'));
  for (const [key, what] of Object.entries(check.notFollowed)) say(key, what);
  const name = settings.get('name');
  if (name?.value === '' || name === undefined) return { service: undefined, notFollowed: {} };
  if (Object.values(notFollowed).some(({ severity }) => severity === 'error')) {
    return { service: undefined, notFollowed };
  }
  const tags = [...splitTags(read('tags')), protocol === 'UDP' ? 'udp' : ''].filter((tag) => tag !== '');
  const meta = [...settings.values()].filter(({ key, value }) => !isOwn(key) && value !== undefined);
  const service: DeclaredFields = {
    service: literal(isGroup && name.port === undefined ? `${name.value}-${containerPort}` : read('name')),
    port: `${containerPort}`,
    ...(tags.length === 0 ? {} : { tags: tags.map(literal) }),
    ...check.fields,
    ...Object.fromEntries(
      meta.slice(0, mostUserKeys + 1).map(({ key, value }) => [`meta.${key}`, literal(value!)]),
    ),
  };
  return { service, notFollowed };
}

const isOwn = (key: string): boolean => ['id', 'tags', 'name', 'ignore'].includes(key);

/** Whether more than one key of meta depends on it. */
const decides = (key: string): boolean => (isOwn(key) && key !== 'id') || key.startsWith('check_');
