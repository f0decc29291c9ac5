import { parse } from 'yaml';
import { KubeClient } from '../../kube/client.ts';
import { formatDuration } from '../../lib/duration.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { visibleLines } from '../../lib/visible.ts';
import { consulClientOf } from '../../operator/parts.ts';
import type { ConfigOptions } from '../config-options.ts';
import { canAsk, confirm } from '../confirm.ts';
import type { Connect } from '../connections.ts';
import type { CliContext } from '../context.ts';
import { errorLine, warningLine } from '../messages.ts';
import { loadWithWarnings, snapshotOptions } from '../open.ts';
import { readCluster } from '../read-cluster.ts';
import { readTextFile } from '../read-text-file.ts';
import { type Structure, structured } from '../structured.ts';
import { compareWithTheirs, isEqual } from './check.ts';
import { comparisonText } from './check-text.ts';
import { valuesOfChart } from './consul-k8s-chart.ts';
import { valuesOfContainer } from './consul-k8s-flags.ts';
import { mappingAt } from './consul-k8s-settings.ts';
import { finishText, planFinish, removeTheirs } from './finish.ts';
import { type ConvertedValues, valuesText } from './helm-values.ts';
import { syncCatalogs } from './sync-catalog.ts';
import { readTheirNode } from './their-node.ts';

export interface MigrateConsulK8sOptions extends ConfigOptions {
  /** Undefined: write Helm values. */
  readonly step: 'check' | 'finish' | undefined;
  /** File with the values of their chart; undefined: the running Deployment is read. */
  readonly chartValues: string | undefined;
  /** Of several Deployments the one to read: `namespace/name`. */
  readonly deployment: string | undefined;
  /** Of `--check`. */
  readonly output: 'text' | Structure;
  readonly yes: boolean;
  /** How often consul-k8s writes everything. */
  readonly writeIntervalMs: number;
  readonly timeoutMs: number;
}

/** It may have begun to write just before, and takes its time. */
const lookAfter = (writeIntervalMs: number): number => Math.ceil(writeIntervalMs * 1.2);

/**
 * `kube-registrar migrate consul-k8s`. Returns the exit code: 0 when all is done or equal, 2 when `--check` found a
 * difference, 1 when `--finish` removed nothing or not everything. Rejects with ConfigError, or with what could not be
 * read.
 */
export async function migrateConsulK8s(
  options: MigrateConsulK8sOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  switch (options.step) {
    case undefined:
      return writeValues(options, context, connect);
    case 'check':
      return check(options, context, connect);
    case 'finish':
      return finish(options, context, connect);
  }
}

async function writeValues(
  options: MigrateConsulK8sOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  const values =
    options.chartValues === undefined
      ? await readDeployment(options, context, connect)
      : valuesOfChart(mappingAt({ chart: await readYaml(options.chartValues) }, 'chart'));
  context.stdout.write(visibleLines(valuesText(values)));
  return 0;
}

async function readYaml(file: string): Promise<unknown> {
  const text = await readTextFile(file);
  try {
    return parse(text);
  } catch (thrown) {
    throw new RegistrarError('config', `${file}: is not YAML: ${describe(thrown)}`);
  }
}

async function readDeployment(
  options: MigrateConsulK8sOptions,
  context: CliContext,
  connect: Connect,
): Promise<ConvertedValues> {
  const loaded = await loadWithWarnings(options, context);
  await using connections = await connect(loaded);
  const { kube, clock } = connections;
  const found = await syncCatalogs(new KubeClient(kube, clock), context.signal);
  const { deployment } = options;
  const [first, ...others] =
    deployment === undefined ? found : found.filter(({ name }) => name === deployment);
  if (first === undefined) {
    throw new RegistrarError(
      'not-found',
      `no Deployment${deployment === undefined ? '' : ` ${deployment}`} runs "consul-k8s-control-plane sync-catalog"; give --chart-values the values of its chart`,
    );
  }
  if (others.length > 0) {
    const names = [first, ...others].map(({ name }) => name).join(', ');
    throw new RegistrarError('config', `several Deployments run it: ${names}; choose one with --deployment`);
  }
  return valuesOfContainer(first);
}

async function check(
  options: MigrateConsulK8sOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  const { stdout, signal } = context;
  const loaded = await loadWithWarnings(options, context);
  await using connections = await connect(loaded);
  const reading = { timeoutMs: options.timeoutMs, rename: false };
  const { snapshot, loaded: used } = await readCluster(loaded, connections, reading, context);
  await using _registry = snapshot.registry;
  const theirs = await readTheirNode(snapshot, used.config, signal);
  const comparison = compareWithTheirs(theirs, snapshot, used.config);
  const { output } = options;
  stdout.write(output === 'text' ? comparisonText(comparison) : structured(comparison, output));
  return isEqual(comparison) ? 0 : 2;
}

async function finish(
  options: MigrateConsulK8sOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  const { stdout, stderr, signal } = context;
  const loaded = await loadWithWarnings(options, context);
  await using connections = await connect(loaded);
  const { kube, clock } = connections;
  const [running] = await syncCatalogs(new KubeClient(kube, clock), signal);
  if (running !== undefined) {
    const message = `Deployment ${running.name} still runs consul-k8s' catalog sync, which would register everything again; remove it first (syncCatalog.enabled=false in its chart)`;
    throw new RegistrarError('conflict', message);
  }
  const reading = { timeoutMs: options.timeoutMs, rename: false };
  const { snapshot, loaded: used } = await readCluster(loaded, connections, reading, context);
  await using _registry = snapshot.registry;
  const shown = await readTheirNode(snapshot, used.config, signal);
  if (shown.node === undefined) {
    stdout.write(`Nothing to remove: Consul has no node "${shown.name}".\n`);
    return 0;
  }
  const plan = planFinish(shown, snapshot);
  stdout.write(finishText(shown, plan));
  if (plan.missing.length > 0) {
    stderr.write(
      errorLine(
        'nothing was removed, because consumers would lose instances without a counterpart; see "--check"',
      ),
    );
    return 1;
  }
  if (plan.removed.length === 0 && !plan.withNode) return plan.kept.length === 0 ? 0 : 1;
  if (!options.yes && !(await agreed(shown.name, plan.removed.length, context))) return 1;

  // A person takes time: it is decided anew from what is there now.
  await snapshot.observed.readAll(signal);
  const theirs = await readTheirNode(snapshot, used.config, signal);
  const last = planFinish(theirs, snapshot);
  const asShown = new Set(plan.removed.map(({ instance }) => instance.id));
  if (last.missing.length > 0 || last.removed.some(({ instance }) => !asShown.has(instance.id))) {
    stderr.write(
      errorLine('nothing was removed, because the instances have changed in the meantime; run it again'),
    );
    return 1;
  }
  const client = consulClientOf(snapshotOptions(used, connections, options.timeoutMs));
  await removeTheirs(theirs, last, client, signal);
  const lookAfterMs = lookAfter(options.writeIntervalMs);
  stdout.write(`Removed. Watching for ${formatDuration(lookAfterMs)} whether anything returns …\n`);
  await clock.sleep(lookAfterMs, signal);
  const { instances } = await readTheirNode(snapshot, used.config, signal);
  const back = instances.filter(({ id }) => asShown.has(id));
  if (back.length > 0) {
    throw new RegistrarError(
      'conflict',
      `${back.length} instances have returned: consul-k8s still runs somewhere; stop it, then run this again`,
    );
  }
  if (last.kept.length > 0) {
    stderr.write(
      warningLine(`${last.kept.length} instances remain; run it again when those of kube-registrar pass`),
    );
    return 1;
  }
  stdout.write('Nothing is left.\n');
  return 0;
}

async function agreed(node: string, count: number, context: CliContext): Promise<boolean> {
  const { stderr } = context;
  if (!canAsk(context)) {
    stderr.write(errorLine('nothing was removed: use --yes, or confirm on a terminal'));
    return false;
  }
  if (await confirm(`Type "${node}" to remove ${count} instances from Consul: `, node, context)) return true;
  stderr.write(errorLine('not confirmed; nothing was removed'));
  return false;
}
