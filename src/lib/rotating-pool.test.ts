import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, ScriptedTransport, StreamingAnswer } from '../../test/support/scripted-transport.ts';
import { RotatingTransport } from './rotating-pool.ts';
import { readText } from './transport.ts';

const request = { method: 'GET', path: '/', signal: new AbortController().signal } as const;

class Connections extends ScriptedTransport {
  isClosed = false;

  override async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** A transport whose certificate is `settings.of`, over connections that a test writes the answers of. */
function rotating(...connections: readonly Connections[]) {
  const state = { settings: { of: 'old' } };
  const unopened = [...connections];
  const transport = new RotatingTransport(
    () => state.settings,
    () => unopened.shift()!,
  );
  return { transport, state };
}

describe('RotatingTransport', () => {
  test('keeps its connections while nothing has changed', async () => {
    const only = new Connections().script(answer('1'), answer('2'));
    const { transport } = rotating(only);
    assert.equal(await readText(await transport.request(request)), '1');
    assert.equal(await readText(await transport.request(request)), '2');
    assert.equal(only.isClosed, false);
  });

  test('opens others after a change, and closes the old ones when their last exchange has ended', async () => {
    const streaming = new StreamingAnswer();
    const [old, fresh] = [
      new Connections().script(streaming.respond),
      new Connections().script(answer('new')),
    ];
    const { transport, state } = rotating(old, fresh);
    const running = await transport.request(request);
    state.settings = { of: 'new' };
    assert.equal(await readText(await transport.request(request)), 'new');
    assert.equal(old.isClosed, false, 'something is still under way');
    streaming.writeText('to the end').end();
    assert.equal(await readText(running), 'to the end');
    assert.equal(old.isClosed, true);
    assert.equal(fresh.isClosed, false);
  });

  test('close() closes all of them', async () => {
    const only = new Connections().script(answer('1'));
    const { transport } = rotating(only);
    await readText(await transport.request(request));
    await transport.close();
    assert.equal(only.isClosed, true);
  });
});
