import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../lib/duration.ts';

/** `--timeout`, read into milliseconds. */
export function timeoutOption(): Option {
  return new Option('--timeout <DURATION>', 'longest time until everything is read')
    .default(60_000, '60s')
    .argParser((text) => {
      const ms = parseDuration(text);
      if (ms === undefined || ms <= 0)
        throw new InvalidArgumentError('write a duration, such as 30s or 1m30s.');
      return ms;
    });
}
