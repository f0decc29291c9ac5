import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { certificate, certificateKey } from '../../test/support/certificate.ts';
import { type LogLine, recorder } from '../../test/support/log-recorder.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { TlsFiles } from './tls-files.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const otherKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

function followed() {
  const clock = new VirtualClock();
  const log: LogLine[] = [];
  const texts: Record<string, string> = { ca: 'old ca', cert: certificate, key: certificateKey };
  const abort = new AbortController();
  const files = new TlsFiles({
    files: { ca: 'ca', cert: 'cert', key: 'key' },
    initial: { ca: 'old ca', cert: certificate, key: certificateKey, verify: true, serverName: 'consul' },
    clock,
    logger: recorder(log),
    read: async (path) => texts[path] ?? Promise.reject(new Error('ENOENT')),
  });
  const done = files.follow(abort.signal);
  return { clock, files, texts, abort, done, reasons: () => log.map(({ fields }) => fields['reason']) };
}

describe('TlsFiles', () => {
  test('gives the same object for as long as the files stay what they were', async () => {
    const { clock, files, reasons } = followed();
    const before = files.current();
    await clock.advance(60_000);
    assert.equal(files.current(), before);
    assert.deepEqual(reasons(), []);
  });

  test('takes up what has changed within ten seconds and keeps the rest', async () => {
    const { clock, files, texts, reasons } = followed();
    texts['ca'] = certificate;
    await clock.advance(10_000);
    assert.deepEqual(files.current(), {
      ca: certificate,
      cert: certificate,
      key: certificateKey,
      verify: true,
      serverName: 'consul',
    });
    assert.deepEqual(reasons(), ['CertificatesRenewed']);
  });

  test('keeps the last ones while a certificate and its key do not fit or a file is gone, and says so once', async () => {
    const { clock, files, texts, reasons } = followed();
    const before = files.current();
    texts['key'] = otherKey;
    await clock.advance(20_000);
    delete texts['cert'];
    await clock.advance(20_000);
    assert.equal(files.current(), before);
    assert.deepEqual(reasons(), ['CertificatesUnusable']);
  });

  test('ends with its signal and leaves no timer', async () => {
    const { clock, abort, done } = followed();
    await clock.settle();
    abort.abort();
    await done;
    assert.equal(clock.pending, 0);
  });
});
