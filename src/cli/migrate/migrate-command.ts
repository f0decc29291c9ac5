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
  const migrate = program.command('migrate').description('migrate from another program');
  const consulK8s = migrate
    .command('consul-k8s')
    .description('from the catalog sync of consul-k8s; without a step, write Helm values with its settings')
    .addOption(
      new Option(
        '--check',
        'compare its registrations with those of kube-registrar; exit 0: equal, 2: not, 1: an error',
      ).conflicts('finish'),
    )
    .option(
      '--finish',
      'after consul-k8s is stopped, remove its instances that kube-registrar has registered and that pass',
    )
    .option('--chart-values <FILE>', 'values of its chart, instead of the running Deployment')
    .option('--deployment <NAMESPACE/NAME>', 'the Deployment to read, if several run it')
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
  for (const program of ['kube-consul-register', 'registrator'] as const) {
    addRegistrar(program, migrate, context, connect);
  }
}

/** Their options of their own, and how often they register everything again. */
const ofProgram = {
  'kube-consul-register': {
    own: new Option(
      '--tag <TAG>',
      'the tag of everything it registers (default: k8sTag of the configuration, or kubernetes)',
    ),
    interval: { is: 'how often it synchronizes (-sync-interval)', initially: '2m' },
  },
  registrator: {
    own: new Option(
      '--arguments <LINE>',
      'its arguments, if it does not run in a workload: "-internal consul://localhost:8500"',
    ),
    interval: { is: 'how often it registers everything again (-resync)', initially: '10s' },
  },
} as const;

function addRegistrar(
  program: keyof typeof ofProgram,
  migrate: Command,
  context: CliContext,
  connect: () => Promise<Connect>,
): void {
  const { own, interval } = ofProgram[program];
  const command = migrate
    .command(program)
    .description(`from ${program}; without a step, write Helm values with its settings`)
    .addOption(
      new Option(
        '--check',
        'compare its registrations with those of kube-registrar; exit 0: equal, 2: not, 1: an error',
      ).conflicts('finish'),
    )
    .option(
      '--finish',
      'after it is stopped, deregister its instances at each agent if those of kube-registrar pass',
    )
    .option('--workload <NAMESPACE/NAME>', 'the workload to read, if several run it')
    .addOption(own)
    .option(
      '--agent-address <URL>',
      "URL of the agents; {address} stands for the node's address (default: scheme and port of registration.agent)",
    )
    .addOption(outputOption('how --check shows it', ['text', 'json', 'yaml']))
    .option('--yes', 'do not ask')
    .addOption(durationOption('--sync-interval <DURATION>', interval.is, interval.initially))
    .addOption(timeoutOption());
  addConfigOptions(command).action(async (options: ParsedOptions) => {
    const { migrateRegistrar } = await import('./registrars.ts');
    const text = (name: string) => options[name] as string | undefined;
    const step = options['check'] === true ? 'check' : options['finish'] === true ? 'finish' : undefined;
    const output = options['output'] as 'text' | 'json' | 'yaml';
    if (output !== 'text' && step !== 'check') {
      command.error(`error: option '--output ${output}' needs '--check'`);
    }
    const wanted = {
      ...configOptionsOf(options),
      program,
      step,
      output,
      workload: text('workload'),
      arguments: text('arguments'),
      tag: text('tag'),
      agentAddress: text('agentAddress'),
      yes: options['yes'] === true,
      syncIntervalMs: options['syncInterval'] as unknown as number,
      timeoutMs: options['timeout'] as unknown as number,
    } as const;
    context.exit(await migrateRegistrar(wanted, context, await connect()));
  });
}
