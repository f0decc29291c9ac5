import { untilAborted } from '../lib/unless-aborted.ts';
import type { CliContext } from './context.ts';

/** Whether a person can answer: both ends are terminals. */
export function canAsk({ stdin, stdout }: CliContext): boolean {
  return stdin?.isTTY === true && stdout.isTTY === true;
}

/**
 * Asks a person to type `phrase` and returns whether it was typed. The end of the input and the signal count as
 * no.
 */
export async function confirm(question: string, phrase: string, context: CliContext): Promise<boolean> {
  const { stdin, stdout, signal } = context;
  if (stdin === undefined) return false;
  stdout.write(question);
  const answer = await Promise.race([firstLine(stdin), untilAborted(signal)]);
  return answer?.trim() === phrase;
}

async function firstLine(input: AsyncIterable<string | Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of input) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    if (text.includes('\n')) break;
  }
  return text.split('\n', 1)[0] ?? '';
}
