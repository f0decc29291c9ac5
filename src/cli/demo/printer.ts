import type { Clock } from '../../lib/clock.ts';
import type { CliContext } from '../context.ts';
import type { FinalState } from './final-state.ts';
import { type Glyphs, glyphsFor } from './glyphs.ts';
import { instanceLines } from './instance-rows.ts';
import { LiveView } from './live-view.ts';
import type { LogTail } from './log-tail.ts';
import { plainView } from './plain-view.ts';
import { fit, paint, span } from './span.ts';
import type { Stage } from './stage.ts';
import { summary } from './summary.ts';
import { silentView, type View } from './view.ts';

/** Everything step by step, or the final state only: as tables or as JSON. */
export type Show = 'steps' | 'end' | 'end-as-json';

export interface ViewParts {
  readonly clock: Clock;
  readonly elapsed: () => number;
  readonly log: LogTail;
  readonly consul: string;
  /** After the scenario; see Progress. */
  readonly invitation?: readonly string[];
}

/** Chooses the words and signs for where they are read: a terminal with or without colour, or a file. */
export class Printer {
  readonly #stdout: CliContext['stdout'];
  readonly #stderr: CliContext['stderr'];
  readonly #glyphs: Glyphs;
  readonly #isScreen: boolean;
  readonly #colour: boolean;

  constructor({ stdout, stderr, environment }: Pick<CliContext, 'stdout' | 'stderr' | 'environment'>) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#glyphs = glyphsFor(environment);
    this.#isScreen = stdout.isTTY === true && environment['TERM'] !== 'dumb';
    // https://no-color.org: any value but the empty one.
    this.#colour = this.#isScreen && (environment['NO_COLOR'] ?? '') === '';
  }

  /** Before anything is written. JSON stands alone on the standard output. */
  notice(show: Show, text: string): void {
    (show === 'end-as-json' ? this.#stderr : this.#stdout).write(`${text}\n`);
  }

  view(show: Show, stage: Stage, { clock, elapsed, log, consul, invitation }: ViewParts): View {
    if (show !== 'steps') return silentView;
    if (!this.#isScreen) return plainView(this.#stdout, elapsed);
    return new LiveView({
      screen: this.#stdout,
      clock,
      colour: this.#colour,
      glyphs: this.#glyphs,
      now: () => ({
        consul,
        elapsedMs: elapsed(),
        services: stage.shown,
        load: stage.loadText,
        log: log.lines,
        invitation,
      }),
    });
  }

  end(
    show: Show,
    state: FinalState,
    { shown, loadText }: Pick<Stage, 'shown' | 'loadText'>,
    steps: number,
  ): void {
    if (show === 'end-as-json') {
      this.text([JSON.stringify(state, undefined, 2)]);
      return;
    }
    const lines = [
      ...instanceLines(shown, loadText, this.#glyphs),
      [span('')],
      ...summary(state.steps, steps, this.#glyphs),
    ];
    // A file takes lines of any length; a terminal would break them in the middle of a word.
    const width = this.#isScreen ? (this.#stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
    this.text(lines.map((line) => paint(fit(line, width, this.#glyphs.ellipsis), this.#colour)));
  }

  text(lines: readonly string[]): void {
    for (const line of lines) this.#stdout.write(`${line}\n`);
  }
}
