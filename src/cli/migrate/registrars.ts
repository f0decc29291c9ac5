import type { Config } from '../../config/schema.ts';
import { KubeClient } from '../../kube/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { visibleLines } from '../../lib/visible.ts';
import type { ConfigOptions } from '../config-options.ts';
import type { Connect } from '../connections.ts';
import type { CliContext } from '../context.ts';
import { loadWithWarnings } from '../open.ts';
import type { Structure } from '../structured.ts';
import { valuesText } from './helm-values.ts';
import { kubeConsulRegister } from './kube-consul-register.ts';
import type { Registrar } from './registrar.ts';
import { checkRegistrar } from './registrar-check.ts';
import { finishRegistrar } from './registrar-finish.ts';
import { registrator } from './registrator.ts';
import { type Workload, wordsOfShell, workloadsThatRun } from './workloads.ts';

export interface MigrateRegistrarOptions extends ConfigOptions {
  readonly program: 'kube-consul-register' | 'registrator';
  /** Undefined: write Helm values. */
  readonly step: 'check' | 'finish' | undefined;
  /** Of several workloads the one to read: `namespace/name`. */
  readonly workload: string | undefined;
  /** The arguments of registrator, where it runs in no cluster. Undefined: those of the workload. */
  readonly arguments: string | undefined;
  /** The tag that marks everything of kube-consul-register. Undefined: that of the configuration, or its default. */
  readonly tag: string | undefined;
  /** Origin of an agent, with `{address}`. Undefined: scheme and port of the configuration. */
  readonly agentAddress: string | undefined;
  /** Of `--check`. */
  readonly output: 'text' | Structure;
  readonly yes: boolean;
  /** How often it registers everything again, in milliseconds. */
  readonly syncIntervalMs: number;
  readonly timeoutMs: number;
}

/**
 * `kube-registrar migrate kube-consul-register` and `migrate registrator`. Returns the exit code: 0 when all is done or equal, 2 when `--check`
 * found a difference, 1 when `--finish` removed nothing or not everything. Rejects with ConfigError, or with what could
 * not be read.
 */
export async function migrateRegistrar(
  options: MigrateRegistrarOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  const loaded = await loadWithWarnings(options, context);
  const registrar = registrarOf(options, loaded.config);
  await using connections = await connect(loaded);
  const kube = new KubeClient(connections.kube, connections.clock);
  switch (options.step) {
    case undefined: {
      const workload = await workloadOf(registrar, options, kube, context.signal);
      const values = await registrar.values(workload, kube, context.signal);
      context.stdout.write(visibleLines(valuesText(values)));
      return 0;
    }
    case 'check':
      return checkRegistrar({ ...options, registrar, loaded, connections }, context);
    case 'finish':
      return finishRegistrar({ ...options, registrar, loaded, connections, kube }, context);
  }
}

function registrarOf({ program, tag }: MigrateRegistrarOptions, config: Config): Registrar {
  switch (program) {
    case 'kube-consul-register':
      return kubeConsulRegister(config, tag);
    case 'registrator':
      return registrator(config);
  }
}

async function workloadOf(
  registrar: Registrar,
  { arguments: given, workload: wanted }: MigrateRegistrarOptions,
  kube: KubeClient,
  signal: AbortSignal,
): Promise<Workload> {
  const { name } = registrar;
  if (given !== undefined) {
    return { kind: 'option', name: '--arguments', container: { name, args: wordsOfShell(given) } };
  }
  const all = await workloadsThatRun(registrar, kube, signal);
  // Pods of a workload are read by it.
  const workloads = all.filter(({ kind }) => kind !== 'Pod');
  const found = (workloads.length === 0 ? all : workloads).filter(
    (each) => wanted === undefined || each.name === wanted,
  );
  const [first, ...others] = found;
  if (first === undefined) {
    throw new RegistrarError(
      'not-found',
      `nothing${wanted === undefined ? '' : ` named ${wanted}`} in the cluster runs ${name}; use the kubeconfig of the cluster in which it runs`,
    );
  }
  if (others.length > 0) {
    const names = found.map(({ kind, name: each }) => `${kind} ${each}`).join(', ');
    throw new RegistrarError('config', `several run ${name}: ${names}; choose one with --workload`);
  }
  return first;
}
