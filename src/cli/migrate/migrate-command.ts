import { type Command, Option } from 'commander';
import { durationOption, outputOption, timeoutOption } from '../common-options.ts';
import { addConfigOptions, configOptionsOf, type ParsedOptions } from '../config-options.ts';
import type { Connect } from '../connections.ts';
import type { CliContext } from '../context.ts';

/** Adds `migrate`. */
export function addMigrateCommand(
  program: Command,
  context: CliContext,
  connect: () => Promise<Connect>,
): void {
  const migrate = program.command('migrate').description('move from another program to this one');
  const consulK8s = migrate
    .command('consul-k8s')
    .description('from the catalog sync of consul-k8s; without a step, write Helm values with its settings')
    .addOption(
      new Option(
        '--check',
        'compare what it registers with what we would; exit 0: equal, 2: not, 1: an error',
      ).conflicts('finish'),
    )
    .option(
      '--finish',
      'after consul-k8s is stopped, remove its instances that kube-registrar has registered and that pass',
    )
    .option('--chart-values <FILE>', 'values of its chart, in place of the running Deployment')
    .option('--deployment <NAMESPACE/NAME>', 'of several Deployments that run it, the one to read')
    .addOption(outputOption('how --check shows it', ['text', 'json', 'yaml']))
    .option('--yes', 'do not ask')
    .addOption(
      durationOption('--write-interval <DURATION>', 'how often it wrote (consul-write-interval)', '30s'),
    )
    .addOption(timeoutOption());
  addConfigOptions(consulK8s).action(async (options: ParsedOptions) => {
    const { migrateConsulK8s } = await import('./consul-k8s.ts');
    const step = options['check'] === true ? 'check' : options['finish'] === true ? 'finish' : undefined;
    const output = options['output'] as 'text' | 'json' | 'yaml';
    if (output !== 'text' && step !== 'check') {
      consulK8s.error(`error: option '--output ${output}' needs '--check'`);
    }
    const wanted = {
      ...configOptionsOf(options),
      step,
      output,
      chartValues: options['chartValues'] as string | undefined,
      deployment: options['deployment'] as string | undefined,
      yes: options['yes'] === true,
      writeIntervalMs: options['writeInterval'] as unknown as number,
      timeoutMs: options['timeout'] as unknown as number,
    } as const;
    context.exit(await migrateConsulK8s(wanted, context, await connect()));
  });
}
