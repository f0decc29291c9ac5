import type { Clock } from '../../lib/clock.ts';
import type { Output } from '../context.ts';
import { frame } from './frame.ts';
import type { Glyphs } from './glyphs.ts';
import type { Progress } from './progress.ts';
import { paint } from './span.ts';
import type { PlayEvent } from './step.ts';
import type { View } from './view.ts';

export interface LiveViewOptions {
  readonly screen: Output;
  readonly clock: Clock;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
  /** What the events do not carry. */
  readonly now: () => Pick<Progress, 'consul' | 'elapsedMs' | 'services' | 'load' | 'log' | 'invitation'>;
}

const drawEveryMs = 80;
// Escape sequences of xterm, which every terminal of today follows.
const enter = '\u001b[?1049h\u001b[?25l'; // the alternate screen, without a cursor
// Cleared first: after a resize some terminals push remains of it into their history.
const leave = '\u001b[H\u001b[J\u001b[?25h\u001b[?1049l';
const [beginUpdate, endUpdate] = ['\u001b[?2026h', '\u001b[?2026l']; // shown as one, where the terminal can
const [home, clearLine, clearBelow] = ['\u001b[H', '\u001b[K', '\u001b[J'];

/** The picture on the alternate screen, redrawn while it is shown. Disposing of it restores the screen. */
export class LiveView implements View {
  readonly #options: LiveViewOptions;
  #progress: Pick<Progress, 'steps' | 'current' | 'results'> = { steps: 0, current: undefined, results: [] };
  #timer: Disposable | undefined;
  #shown = '';

  constructor(options: LiveViewOptions) {
    this.#options = options;
    options.screen.write(enter);
    this.#draw();
  }

  event(event: PlayEvent): void {
    this.#progress = next(this.#progress, event);
  }

  transition(): void {}

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    this.#timer[Symbol.dispose]();
    this.#timer = undefined;
    this.#options.screen.write(leave);
  }

  #draw(): void {
    const { screen, clock, colour, glyphs, now } = this.#options;
    this.#timer = clock.schedule(drawEveryMs, () => this.#draw());
    const size = { columns: screen.columns ?? 80, rows: screen.rows ?? 24 };
    const lines = frame({ ...this.#progress, ...now() }, { ...size, glyphs });
    const text = lines.map((line) => paint(line, colour) + clearLine).join('\r\n');
    // A resized terminal shows remains of what it had, even where the picture stays the same.
    const picture = `${size.columns}x${size.rows} ${text}`;
    if (picture === this.#shown) return;
    this.#shown = picture;
    screen.write(`${beginUpdate}${home}${text}${clearBelow}${endUpdate}`);
  }
}

function next(
  progress: Pick<Progress, 'steps' | 'current' | 'results'>,
  event: PlayEvent,
): Pick<Progress, 'steps' | 'current' | 'results'> {
  const { current, results } = progress;
  switch (event.kind) {
    case 'step': {
      const { step, number, of } = event;
      return { ...progress, steps: of, current: { number, step, expectations: [], result: undefined } };
    }
    case 'expecting':
      if (current === undefined) return progress;
      return { ...progress, current: { ...current, expectations: event.expectations } };
    case 'result': {
      const { result } = event;
      if (current === undefined) return progress;
      return { ...progress, results: [...results, result], current: { ...current, result } };
    }
  }
}
