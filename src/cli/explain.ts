import { counted } from '../lib/counted.ts';
import { RegistrarError } from '../lib/errors.ts';
import { suggest } from '../lib/suggest.ts';
import { visible } from '../lib/visible.ts';
import { tenantRulesOf } from '../operator/parts.ts';
import type { AskingObject } from '../plan/instance-plan.ts';
import type { ConfigOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';
import { type Explanation, explanationOf } from './explanation.ts';
import { errorLine } from './messages.ts';
import { objectKinds } from './object-kinds.ts';
import { loadWithWarnings } from './open.ts';
import { type ReadCluster, readCluster } from './read-cluster.ts';
import { refusedWrites } from './refused-writes.ts';
import { knownByOperator } from './running-operator.ts';
import { type Structure, structured } from './structured.ts';
import { sayingWhatWasTried } from './tried-server.ts';
import { checkManifest } from './validate/check-manifest.ts';
import { readManifests } from './validate/manifests.ts';
import { readWorkload, type Workload, type WorkloadRef } from './workload.ts';

export interface ExplainCommandOptions extends ConfigOptions {
  /** `pod/NAME`, `svc/NAME`, `ingress/NAME`, `deploy/NAME` …, or the kind and the name as two words. */
  readonly object: readonly string[];
  /** Undefined: that of the context. */
  readonly namespace: string | undefined;
  readonly output: 'text' | Structure;
  /**
   * Origin of the HTTP server of a running operator; undefined: Consul is asked what it would refuse, and nothing
   * more is known.
   */
  readonly server: string | undefined;
  readonly timeoutMs: number;
}

/**
 * `kube-registrar explain`: what is registered in Consul for an object, what should be, and why or why not, in
 * plain words. Returns the exit code: 0 when all is as it is wanted, 2 when it is not, 1 when there is no such object.
 * Rejects with ConfigError, or with what could not be read.
 */
export async function explain(
  options: ExplainCommandOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  const asked = nameOf(options.object);
  const given = await loadWithWarnings(options, context);
  await using connections = await connect(given);
  const { namespace = connections.namespace } = options;
  const { kind, name } = asked;
  const workload =
    typeof kind === 'string'
      ? undefined
      : await sayingWhatWasTried(connections, () =>
          readWorkload({ kind, namespace, name }, connections, context.signal),
        );
  const cluster = await readCluster(given, connections, { ...options, rename: false }, context);
  await using _registry = cluster.snapshot.registry;
  const one = (object: AskingObject) => explainOne(object, cluster, options.server, context.signal);
  const told =
    typeof kind === 'string'
      ? await one({ kind, namespace, name })
      : await explainWorkload({ kind, namespace, name }, workload!, cluster, one);
  context.stdout.write(
    options.output === 'text'
      ? `${told.lines.map(visible).join('\n')}\n`
      : structured(told.data, options.output),
  );
  if (told.notFound !== undefined) {
    context.stderr.write(errorLine(told.notFound));
    return 1;
  }
  return told.isRight ? 0 : 2;
}

async function explainOne(
  object: AskingObject,
  { snapshot, loaded: { config } }: ReadCluster,
  server: string | undefined,
  signal: AbortSignal,
): Promise<Explanation> {
  const known =
    server === undefined
      ? await refusedWrites(object, snapshot, config, signal)
      : await knownByOperator({ command: 'explain', server }, snapshot.owner, signal);
  return explanationOf(object, snapshot, config, known);
}

/** As many pods are shown in full; of the others only how many there are. */
const mostPods = 10;

async function explainWorkload(
  { kind: { kind }, namespace, name }: WorkloadRef,
  { object, pods }: Workload,
  { loaded: { config } }: ReadCluster,
  one: (object: AskingObject) => Promise<Explanation>,
): Promise<Explanation> {
  const prefix = `${config.annotationPrefix}/`;
  const { manifests } = readManifests(JSON.stringify({ ...object, kind }));
  const mistakes = manifests.flatMap(
    (manifest) => checkManifest(manifest, { prefix, ...tenantRulesOf(config) }) ?? [],
  );
  const told: Explanation[] = [];
  for (const pod of pods) told.push(await one({ kind: 'Pod', namespace, name: pod }));
  told.sort((first, second) => Number(first.isRight) - Number(second.isRight));
  const wrong = told.filter(({ isRight }) => !isRight).length;
  const lines = [
    `${kind} ${namespace}/${name}`,
    `  ${pods.length === 0 ? 'has no pods' : `has ${counted(pods.length, 'pod')}, ${wrong === 0 ? 'all as wanted' : `${wrong} not as wanted`}`}`,
    ...mistakes.map(
      ({ severity, field, message }) =>
        `  ${severity}: ${field === '' ? '' : `${prefix}${field}: `}${message}`,
    ),
    ...told.slice(0, mostPods).flatMap((each) => ['', ...each.lines]),
  ];
  const more = told.slice(mostPods);
  if (more.length > 0) lines.push('', `and ${counted(more.length, 'more pod')}`);
  const hasError = mistakes.some(({ severity }) => severity === 'error');
  return {
    lines,
    isRight: wrong === 0 && !hasError,
    notFound: undefined,
    data: {
      object: { kind, namespace, name },
      found: true,
      isRight: wrong === 0 && !hasError,
      problems: mistakes.map(({ field, message, severity }) => ({ field, message, severity })),
      pods: told.map(({ data }) => data),
    },
  };
}

function nameOf(words: readonly string[]) {
  const [short = '', name = '', ...rest] = words.join('/').split('/');
  const found = objectKinds.find(({ names }) => names.includes(short.toLowerCase()));
  if (found === undefined || name === '' || rest.length > 0) {
    const all = objectKinds.map(({ names }) => `${names[0]}/NAME`).join(', ');
    const near =
      name === ''
        ? undefined
        : suggest(
            short,
            objectKinds.flatMap(({ names }) => names),
          );
    const hint =
      near === undefined || found !== undefined ? `write one of ${all}` : `did you mean ${near}/${name}?`;
    throw new RegistrarError('config', `cannot explain "${words.join(' ')}"; ${hint}`);
  }
  return { kind: found.of, name };
}
