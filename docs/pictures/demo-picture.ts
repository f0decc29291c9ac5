import { demo } from '../../src/cli/demo/demo.ts';
import { memoryTarget } from '../../src/cli/demo/memory-target.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { seeded } from '../../test/support/seeded-random.ts';
import { type Screen, screenOf } from './terminal-screens.ts';
import { terminalSvg } from './terminal-svg.ts';

const columns = 112;
const rows = 32;
const began = Date.parse('2026-01-01T09:00:00Z');

/** The demo as it is seen in a terminal: each step while it waits and at its end, then the summary. */
export async function demoPicture(): Promise<string> {
  const written = await play();
  const steps = new Map<string, string[]>();
  for (const text of written) {
    const step = /step (\d+) of \d+/.exec(text)?.[1];
    if (step !== undefined) steps.set(step, [...(steps.get(step) ?? []), text]);
  }
  const screens = [...steps.values()].flatMap((texts) => {
    const waiting = texts.findLast((text) => text.includes('waiting for'));
    return [...(waiting === undefined ? [] : [waiting]), texts.at(-1)!].map(screenOf);
  });
  const summary = written.slice(written.findLastIndex((text) => text.includes('step ')) + 2).join('');
  return terminalSvg({
    description:
      'The demo in a terminal: the operator registers pods, follows a rollout, and repairs what others change',
    columns,
    screens: [
      ...screens.map((screen) => ({ screen: trimmed(screen), seconds: 1.8 })),
      { screen: trimmed(screenOf(summary)), seconds: 8 },
    ],
  });
}

/** Everything that the demo writes to its terminal. */
async function play(): Promise<readonly string[]> {
  const written: string[] = [];
  const start = systemClock.now();
  const clock: Clock = { ...systemClock, wall: () => began + systemClock.now() - start };
  const code = await demo(
    {
      show: 'steps',
      keep: false,
      consul: () => memoryTarget({ clock, random: seeded(2) }),
      clock,
      random: seeded(1),
    },
    {
      environment: { TERM: 'xterm-256color' },
      stdout: { write: (text) => written.push(text), isTTY: true, columns, rows },
      stderr: process.stderr,
      signal: new AbortController().signal,
      exit() {},
    },
  );
  if (code !== 0) throw new Error(`the demo ended with ${code}; its last lines are above`);
  return written;
}

/** Without empty lines at the end. */
const trimmed = (screen: Screen): Screen =>
  screen.slice(0, screen.findLastIndex((pieces) => pieces.some(({ text }) => text.trim() !== '')) + 1);
