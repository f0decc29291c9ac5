import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../lib/duration.ts';

/** A duration, read into milliseconds. */
export function durationOption(flags: string, description: string, initial: string): Option {
  return new Option(flags, description).default(parseDuration(initial), initial).argParser((text) => {
    const ms = parseDuration(text);
    if (ms === undefined || ms <= 0)
      throw new InvalidArgumentError('write a duration, such as 30s or 1m30s.');
    return ms;
  });
}

export const timeoutOption = (): Option =>
  durationOption('--timeout <DURATION>', 'maximum time to read everything', '60s');

/** `-o`, `--output`; `text` unless given. */
export function outputOption(description: string, choices: readonly string[]): Option {
  return new Option('-o, --output <FORMAT>', description).choices(choices).default('text');
}

/** Makes a list of the values of an option that is given several times. */
export const repeatable = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
];
