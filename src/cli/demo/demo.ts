import { type Clock, systemClock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/deadline.ts';
import { type Random, systemRandom } from '../../lib/random.ts';
import { untilAborted } from '../../lib/unless-aborted.ts';
import { prometheusMetrics } from '../../metrics/prometheus.ts';
import type { CliContext, Output } from '../context.ts';
import { errorLine } from '../messages.ts';
import { pinoLogger } from '../pino-logger.ts';
import { packageVersion } from '../version.ts';
import type { ConsulTarget } from './consul-target.ts';
import { expose, invitation } from './expose.ts';
import { finalState } from './final-state.ts';
import { LogTail } from './log-tail.ts';
import { play } from './player.ts';
import { Printer, type Show } from './printer.ts';
import { scenarioOf } from './scenario.ts';
import type { Transition } from './service-view.ts';
import { Stage } from './stage.ts';
import type { PlayEvent, Step } from './step.ts';
import { silentView, type View } from './view.ts';
import type { LoadSize } from './workloads.ts';

export interface DemoOptions {
  /** How it is shown: step by step, or the final state only, without pauses. */
  readonly show: Show;
  /** Go on after the last step until a signal comes. */
  readonly keep: boolean;
  readonly consul: (signal: AbortSignal) => Promise<ConsulTarget>;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** What runs beside the scenario. Default: nothing. */
  readonly load?: LoadSize;
  readonly scenario?: readonly Step[];
}

/** As shells report a program that Ctrl-C ended. */
const interrupted = 130;
const noLoad: LoadSize = { services: 0, pods: 0 };
const pauses = { lead: 1_000, hold: 800 };
const noPauses = { lead: 0, hold: 0 };
const cleanUpMs = 10_000;
const logLinesOfFailure = 20;

/**
 * `kube-registrar demo`. Returns the exit code: 0 when every step reached what was expected, 1 when one
 * did not, 130 when a signal came before the end. Rejects when the operator or its Consul fails.
 */
export async function demo(options: DemoOptions, context: CliContext): Promise<number> {
  const { clock = systemClock, random = systemRandom, show, keep } = options;
  const { load = noLoad, scenario = scenarioOf(load) } = options;
  const { stderr, signal } = context;
  const start = clock.now();
  const elapsed = () => clock.now() - start;
  const log = new LogTail();
  const logger = pinoLogger({ level: 'info', format: 'text', output: log, colour: false });
  const version = packageVersion();
  const metrics = prometheusMetrics({ version, processMetrics: keep });
  const printer = new Printer(context);

  await using consul = await options.consul(signal);
  let view: View = silentView;
  const onTransition = (transition: Transition) => view.transition(transition);
  printer.notice(show, consul.notice);
  const parts = { clock, random, logger, metrics: metrics.metrics, version, consul, load, onTransition };
  const stage = new Stage(parts);
  try {
    stage.watch();
    view = printer.view(show, stage, { clock, elapsed, log, consul: consul.label });
    const pace = show === 'steps' ? pauses : noPauses;
    const onEvent = (event: PlayEvent) => view.event(event);
    const results = await play(scenario, stage, { clock, pace, signal, onEvent }).finally(() =>
      view[Symbol.dispose](),
    );
    const state = finalState(consul.label, stage.writes, results, stage.consumers);
    printer.end(show, state, stage, scenario.length);
    if (state.outcome === 'failed') printLog(stderr, log);
    if (keep) {
      await using addresses = await expose(stage, consul, { metrics, logger, clock });
      const lines = invitation(addresses, stage);
      printer.text(['', ...lines, '']);
      view = printer.view(show, stage, { clock, elapsed, log, consul: consul.label, invitation: lines });
      await untilAborted(signal);
    }
    return state.outcome === 'passed' ? 0 : 1;
  } catch (thrown) {
    if (!signal.aborted) {
      printLog(stderr, log);
      throw thrown;
    }
    stderr.write(errorLine('interrupted before the end'));
    return interrupted;
  } finally {
    view[Symbol.dispose]();
    view = silentView;
    await stage[Symbol.asyncDispose]();
    await withDeadline(clock, cleanUpMs, new AbortController().signal, (until) =>
      consul.cleanUp(stage.owner, until),
    );
  }
}

/** The operator's last log lines, to find out why a step failed. */
function printLog(stderr: Output, { lines }: LogTail): void {
  stderr.write(`The operator's last lines:\n`);
  for (const line of lines.slice(-logLinesOfFailure)) stderr.write(`  ${line}\n`);
}
