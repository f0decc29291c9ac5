import { ConsulClient } from '../consul/client.ts';
import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { suggest } from '../lib/suggest.ts';
import { untilAborted } from '../lib/unless-aborted.ts';
import { ConsulNaming, NamingError, Pool, type ServiceInstance } from '../naming/naming.ts';
import { declaredAge } from '../naming/pool-members.ts';
import type { ConfigOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';
import { changeLines, diffEventLines, eventLines, plain, Table } from './discover-render.ts';
import { warningLine } from './messages.ts';
import { loadWithWarnings, wantsColour } from './open.ts';
import { type Structure, structured } from './structured.ts';
import { sayingWhatWasTried } from './tried-server.ts';

export interface DiscoverOptions extends ConfigOptions {
  readonly service: string;
  /** An instance must carry all of them. */
  readonly tags: readonly string[];
  /** Go on and show changes. */
  readonly watch: boolean;
  /** With `watch` not `yaml`. */
  readonly output: 'text' | Structure;
}

/**
 * `kube-registrar discover`: a service's instances in every state, as a consumer finds them through Naming.
 * Returns the exit code: 0 when at least one passes, 2 when none does; with `watch`, 0 when a signal has ended
 * it. Rejects with ConfigError, or when Consul cannot be asked.
 */
export async function discover(
  options: DiscoverOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  if (options.watch && options.output === 'yaml') {
    throw new RegistrarError('config', 'discover: --watch writes text or json, not yaml');
  }
  const loaded = await loadWithWarnings(options, context);
  await using connections = await connect(loaded, { kube: false });
  const { clock, random, consul } = connections;
  const { datacenter, namespace, partition } = loaded.config.consul;
  const scope = { datacenter, namespace, partition };
  const warn = (text: string) => void context.stderr.write(warningLine(text));
  await using naming = new ConsulNaming({
    ...scope,
    // The connections close it.
    transport: () => ({ request: (request) => consul.request(request), close: () => Promise.resolve() }),
    token: () => loaded.token?.reveal(),
    clock,
    random,
    report: ({ message }) => warn(message),
  });
  const client = new ConsulClient({ ...scope, transport: consul, clock, token: () => loaded.token });
  const { service, tags } = options;
  const { signal } = context;
  try {
    const all = await sayingWhatWasTried(connections, () =>
      naming.find({ service, states: 'any', maxAgeMs: 0, signal }).catch((thrown: unknown) => {
        throw programError(thrown);
      }),
    );
    const found = all.filter((instance) => tags.every((tag) => instance.tags.includes(tag)));
    const isFound = found.some(({ state }) => state === 'passing');
    if (!isFound) warn(await whyNone(options, all, found, () => client.serviceNames(signal)));
    if (!options.watch) {
      show(found, options.output, context);
      return isFound ? 0 : 2;
    }
    await watch(naming, options, context, clock);
  } catch (thrown) {
    if (!signal.aborted) throw programError(thrown);
    if (!options.watch) throw new RegistrarError('aborted', 'stopped before Consul answered');
  }
  return 0;
}

function show(found: readonly ServiceInstance[], output: 'text' | Structure, { stdout }: CliContext): void {
  const shown = found.map((instance) => ({ ...instance, age: declaredAge(instance) }));
  if (output !== 'text') {
    stdout.write(structured(shown.map(plain), output));
    return;
  }
  if (shown.length === 0) return;
  const table = new Table(shown);
  stdout.write(`${[table.header, ...shown.map((instance) => table.row(instance))].join('\n')}\n`);
}

/** Shows what is there and then every change, until the context's signal aborts. */
async function watch(
  naming: ConsulNaming,
  { service, tags, output }: DiscoverOptions,
  context: CliContext,
  clock: Clock,
): Promise<void> {
  const { stdout, signal } = context;
  const colour = wantsColour(context);
  const time = () => new Date(clock.wall()).toISOString();
  let table: Table | undefined;
  await using pool = await Pool.open(naming, service, {
    tags,
    states: 'any',
    signal,
    clock,
    onChange: (_members, diff) => {
      // The first table is not shown yet; it will include this change.
      if (table === undefined) return;
      stdout.write(output === 'json' ? diffEventLines(diff, time()) : changeLines(diff, { table, colour }));
    },
  });
  const { members } = pool;
  table = new Table(members, { alwaysAge: true });
  if (output === 'json') stdout.write(eventLines('present', members, time()));
  else stdout.write([table.header, ...members.map((member) => table.row(member))].map(indented).join(''));
  await untilAborted(signal);
}

/** Aligned with the signs of the changes below. */
const indented = (line: string): string => `  ${line}\n`;

/** Why no instance can be used, with a suggestion. */
async function whyNone(
  { service, tags }: DiscoverOptions,
  all: readonly ServiceInstance[],
  found: readonly ServiceInstance[],
  serviceNames: () => Promise<readonly string[]>,
): Promise<string> {
  const name = JSON.stringify(service);
  if (all.length === 0) return `nothing is registered as ${name}${didYouMean(service, await serviceNames())}`;
  if (found.length > 0) return `${numbered(found.length)} of ${name} is there, none passes`;
  const known = new Set(all.flatMap((instance) => instance.tags));
  const unknown = tags.filter((tag) => !known.has(tag));
  if (unknown.length === 0) {
    return `none of ${numbered(all.length)} of ${name} has all the tags ${tags.join(', ')}`;
  }
  return unknown
    .map((tag) => `no instance of ${name} has the tag ${JSON.stringify(tag)}${didYouMean(tag, known)}`)
    .join('; ');
}

const numbered = (count: number): string => (count === 1 ? '1 instance' : `${count} instances`);

function didYouMean(word: string, candidates: Iterable<string>): string {
  const near = suggest(word, candidates);
  return near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`;
}

/** Naming's errors as errors of the program, so that none of them is reported as an internal error. */
function programError(thrown: unknown): unknown {
  if (!(thrown instanceof NamingError)) return thrown;
  const code =
    thrown.code === 'denied' ? 'forbidden' : thrown.code === 'invalid' ? 'rejected' : 'unavailable';
  return new RegistrarError(code, thrown.message, { cause: thrown.cause });
}
