import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { Secret } from '../lib/secret.ts';
import { type LogFields, type Logger, silentLogger } from '../logging/logger.ts';
import { TokenFile } from './token-file.ts';

function followed() {
  const clock = new VirtualClock();
  const lines: LogFields[] = [];
  const record = (_message: string, fields?: LogFields) => void lines.push(fields ?? {});
  const logger: Logger = { ...silentLogger, info: record, warn: record };
  const file: { text: string | Error } = { text: 'one\n' };
  const read = async () => {
    if (file.text instanceof Error) throw file.text;
    return file.text;
  };
  const abort = new AbortController();
  const token = new TokenFile({ path: '/token', initial: new Secret('one'), clock, logger, read });
  const done = token.follow(abort.signal);
  const reasons = () => lines.map(({ reason }) => reason);
  return { clock, file, abort, token, done, lines, reasons };
}

describe('TokenFile', () => {
  test('gives the new token within ten seconds after the file changed', async () => {
    const { clock, file, token, lines, reasons } = followed();
    await clock.advance(60_000);
    assert.deepEqual(reasons(), []);
    file.text = 'two\n';
    assert.equal(token.current().reveal(), 'one');
    await clock.advance(10_000);
    assert.equal(token.current().reveal(), 'two');
    assert.deepEqual(reasons(), ['TokenRenewed']);
    assert.doesNotMatch(JSON.stringify(lines), /two/);
  });

  test('keeps the last token while the file is gone or empty, and says so once', async () => {
    const { clock, file, token, reasons } = followed();
    file.text = new Error('ENOENT');
    await clock.advance(20_000);
    file.text = ' \n';
    await clock.advance(20_000);
    assert.equal(token.current().reveal(), 'one');
    assert.deepEqual(reasons(), ['TokenFileUnreadable']);
    file.text = 'two';
    await clock.advance(10_000);
    assert.equal(token.current().reveal(), 'two');
  });

  test('ends with its signal and leaves no timer', async () => {
    const { clock, abort, done } = followed();
    await clock.settle();
    abort.abort();
    await done;
    assert.equal(clock.pending, 0);
  });
});
