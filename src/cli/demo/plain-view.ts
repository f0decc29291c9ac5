import type { Output } from '../context.ts';
import { measuredText } from './result-text.ts';
import type { Transition } from './service-view.ts';
import { msText } from './spread.ts';
import type { PlayEvent, StepResult } from './step.ts';
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

/** `  1.234s ` */
const stamp = (atMs: number): string => `${(atMs / 1_000).toFixed(3).padStart(7)}s  `;

/** Lines for an output that is no terminal: one when a step begins and one when it ends; no control codes. */
export function eventLines(event: PlayEvent, atMs: number): readonly string[] {
  switch (event.kind) {
    case 'step': {
      const { step, number, of } = event;
      const indent = ' '.repeat(stamp(atMs).length);
      return [`${stamp(atMs)}step ${number}/${of}: ${step.title}`, `${indent}${step.explain}`];
    }
    case 'expecting':
      return [];
    case 'result':
      return resultLines(event.result, atMs);
  }
}

function resultLines(result: StepResult, atMs: number): readonly string[] {
  const { outcome, tookMs, finding, expectations } = result;
  if (outcome === 'reached') {
    const measured = measuredText(result);
    return [`${stamp(atMs)}ok: ${measured === '' ? '' : `${measured}; `}${finding}`];
  }
  const unmet = expectations.filter(({ met }) => !met).map(({ text }) => text);
  return [`${stamp(atMs)}FAILED: not reached within ${msText(tookMs)}: ${unmet.join('; ')}`];
}

/** What a consumer saw of one instance. */
export function transitionLine({ kind, instance }: Transition, atMs: number): string {
  const { service, pod, node, address, tags, status, reason } = instance;
  const about = [address, ...tags].join(', ');
  const why = reason === '' ? '' : `: ${reason}`;
  const news: Readonly<Record<Transition['kind'], string>> = {
    appeared: `is registered, ${status}${why}`,
    changed: `is ${status}${why}`,
    edited: `has other data, ${status}${why}`,
    left: 'is deregistered',
  };
  return `${stamp(atMs)}  ${service}: ${pod} on ${node} ${news[kind]} (${about})`;
}
