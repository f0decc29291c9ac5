import type { Config } from '../config/schema.ts';
import { RegistrarError } from '../lib/errors.ts';
import { visible } from '../lib/visible.ts';
import type { Problem } from '../model/problem.ts';
import { type Snapshot, takeSnapshot } from '../operator/snapshot.ts';
import type { AskingObject } from '../plan/instance-plan.ts';
import type { ConfigOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';
import { explanationOf, unwritten } from './explanation.ts';
import { loadWithWarnings, snapshotOptions, warnOfUnread } from './open.ts';
import { knownByOperator } from './running-operator.ts';

export interface ExplainCommandOptions extends ConfigOptions {
  /** `pod/NAME` or `svc/NAME`. */
  readonly object: string;
  readonly namespace: string;
  /**
   * Origin of the HTTP server of a running operator; undefined: Consul is asked what it would refuse, and nothing
   * more is known.
   */
  readonly server: string | undefined;
  readonly timeoutMs: number;
}

/**
 * `kube-registrar explain`: what is registered in Consul for an object, what should be, and why or why not, in
 * plain words. Returns the exit code: 0 when all is as it is wanted, 2 when it is not, also when there is no
 * such object. Rejects with ConfigError, or with what could not be read.
 */
export async function explain(
  options: ExplainCommandOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  const object = objectOf(options);
  const loaded = await loadWithWarnings(options, context);
  await using connections = await connect(loaded);
  const surroundings = snapshotOptions(loaded, connections, options.timeoutMs);
  const snapshot = await takeSnapshot(surroundings, context.signal);
  await using _registry = snapshot.registry;
  warnOfUnread(snapshot, context);
  const { server } = options;
  const known =
    server === undefined
      ? { held: [], problems: await refusals(object, snapshot, loaded.config, context.signal) }
      : await knownByOperator({ command: 'explain', server }, snapshot.owner, context.signal);
  const { lines, isRight } = explanationOf(object, snapshot, loaded.config, known);
  context.stdout.write(`${lines.map(visible).join('\n')}\n`);
  return isRight ? 0 : 2;
}

/** What Consul would refuse to write for the object. */
async function refusals(
  object: AskingObject,
  snapshot: Snapshot,
  config: Config,
  signal: AbortSignal,
): Promise<Problem[]> {
  const { nodes, services } = unwritten(object, snapshot, config);
  const [node, ...others] = nodes;
  if (node === undefined) return [];
  const { registry } = snapshot;
  const refused = (await registry.refusedWrites?.({ nodes: [node, ...others], services }, signal)) ?? [];
  return refused.map((what) => ({
    object: { ...object, uid: '' },
    reason: 'RegistrationFailed',
    field: '',
    message: `Consul refuses it: ${what}; give the token the policy in consul-access.md`,
    severity: 'error',
  }));
}

const kinds: Readonly<Record<string, AskingObject['kind']>> = {
  pod: 'Pod',
  pods: 'Pod',
  po: 'Pod',
  svc: 'Service',
  service: 'Service',
  services: 'Service',
};

function objectOf({ object, namespace }: ExplainCommandOptions): AskingObject {
  const [short = '', name = '', ...rest] = object.split('/');
  const kind = kinds[short.toLowerCase()];
  if (kind === undefined || name === '' || rest.length > 0) {
    throw new RegistrarError('config', `cannot explain "${object}"; write pod/NAME or svc/NAME`);
  }
  return { kind, namespace, name };
}
