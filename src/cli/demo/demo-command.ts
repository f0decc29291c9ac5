import { type Command, Option } from 'commander';
import type { CliContext } from '../context.ts';
import { countUpTo, loadSize, mostPods, mostServices } from './load-size.ts';

interface Flags {
  readonly keep?: true;
  readonly once?: true;
  readonly output: 'text' | 'json';
  readonly services?: number;
  readonly pods?: number;
  readonly consul?: string | true;
  readonly consulBinary?: string | true;
}

const explanation = `
Plays a scenario of about half a minute with the real operator between a Kubernetes API and a Consul in
memory: pods come up, a rollout, a failing readiness probe, a lost node, all nodes lost at once, entries that
another program changed.
Every step shows what it waits for, and how long a change took from Kubernetes to a consumer of Consul.
Nothing has to be installed. Nothing outside this process is touched unless you ask for a real Consul.

In a terminal the demo is a live view; elsewhere it prints one line per event.
NO_COLOR is respected.

Consul:
  in memory              by default
  --consul [URL]         a running Consul at this URL or CONSUL_HTTP_ADDR, with Consul's other
                         variables (CONSUL_HTTP_TOKEN, CONSUL_CACERT ...). Services are called demo-web and
                         demo-search there, and everything is removed at the end; the token needs write on
                         nodes and services with the prefix "demo-"
  --consul-binary        starts "consul agent -dev" on free ports of 127.0.0.1

Exit code: 0 if every step succeeded in time, 1 if one did not, 130 if interrupted.

Examples:
  kube-registrar demo
  kube-registrar demo --keep                     then: kubectl, consul, curl, explain, release, as it prints
  kube-registrar demo --services 50 --pods 1000  with a larger cluster
  kube-registrar demo --once --output json       for scripts
  kube-registrar demo --consul-binary ./consul`;

/** Adds `demo`. What it needs is loaded when it runs, so that `--help` is quick. */
export function addDemoCommand(program: Command, context: CliContext): void {
  addAs(program.command('demo'), context);
  // Its name until 0.1.0, for scripts that use it.
  addAs(program.command('sandbox', { hidden: true }), context);
}

function addAs(named: Command, context: CliContext): void {
  named
    .description('show the operator at work without a cluster, in a self-testing demo')
    .option(
      '--keep',
      'keep running after the scenario until Ctrl-C, and print how to reach it with kubectl, consul and curl',
    )
    .addOption(
      new Option('--once', 'no pauses and no live view: print only the final state').conflicts('keep'),
    )
    .addOption(
      new Option('--output <FORMAT>', 'format of the final state; json needs --once')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option(
      '--services <N>',
      `run N more services in addition to the scenario, at most ${mostServices}`,
      countUpTo(mostServices),
    )
    .option(
      '--pods <N>',
      `run N more pods, spread over these services, at most ${mostPods}`,
      countUpTo(mostPods),
    )
    .option(
      '--consul [URL]',
      'use the Consul at this URL (default: CONSUL_HTTP_ADDR) instead of the one in memory',
    )
    .addOption(
      new Option(
        '--consul-binary [FILE]',
        'start this Consul (default: CONSUL_BIN, or "consul" in the PATH)',
      ).conflicts('consul'),
    )
    .addHelpText('after', explanation)
    .action(async ({ keep, once, output, services, pods, consul, consulBinary }: Flags, command: Command) => {
      if (output === 'json' && once === undefined) {
        command.error("error: option '--output json' needs '--once'");
      }
      const load = loadSize(services, pods);
      if (typeof load === 'string') return command.error(`error: option '--services': ${load}`);
      const { demo } = await import('./demo.ts');
      const { chooseConsul } = await import('./choose-consul.ts');
      const show = once === undefined ? 'steps' : output === 'json' ? 'end-as-json' : 'end';
      const choice = { address: consul, binary: consulBinary, keep: keep === true };
      const target = (signal: AbortSignal) => chooseConsul(choice, context.environment, signal);
      context.exit(await demo({ show, keep: choice.keep, load, consul: target }, context));
    });
}
