import type { Output } from '../context.ts';
import { eventLines, transitionLine } from './plain-lines.ts';
import type { View } from './view.ts';

/** One line for each thing that happens. `elapsed`: milliseconds since the start. */
export function plainView(output: Output, elapsed: () => number): View {
  return {
    event: (event) => {
      for (const line of eventLines(event, elapsed())) output.write(`${line}\n`);
    },
    transition: (transition) => void output.write(`${transitionLine(transition, elapsed())}\n`),
    [Symbol.dispose]() {},
  };
}
