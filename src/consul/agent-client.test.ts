import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ScriptedAnswer, ScriptedConsul } from '../../test/support/scripted-consul.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { AgentClient } from './agent-client.ts';

const signal = new AbortController().signal;
const body = { Name: 'web', Checks: [{ HTTP: 'http://10.0.0.1/' }, { TTL: '5m0s' }] };

function clientOf(answer: (sent: string) => ScriptedAnswer) {
  const transport = new ScriptedConsul(({ body: sent }) => answer(String(sent)));
  const client = new AgentClient({ transport, clock: new VirtualClock() });
  const sent = () => transport.requests.map((request) => String(request.body).includes('DisableRedirects'));
  return { client, sent };
}

describe('AgentClient', () => {
  test('has no redirects followed, and does without on an agent too old for that', async () => {
    const old = clientOf((sent) =>
      sent.includes('DisableRedirects')
        ? { status: 400, body: 'Request decode failed: json: unknown field "DisableRedirects"' }
        : { body: '' },
    );
    await old.client.registerService(body, signal);
    await old.client.registerCheck({ HTTP: 'http://10.0.0.1/' }, signal);
    assert.deepEqual(old.sent(), [true, false, false], 'asked once');
    const recent = clientOf(() => ({ body: '' }));
    await recent.client.registerService(body, signal);
    await recent.client.registerCheck({ HTTP: 'http://10.0.0.1/' }, signal);
    await recent.client.registerCheck({ TCP: '10.0.0.1:80' }, signal);
    assert.deepEqual(recent.sent(), [true, true, false]);
  });

  test('takes no other refusal for that', async () => {
    const { client, sent } = clientOf(() => ({ status: 400, body: 'Invalid check: unknown field "Foo"' }));
    await assert.rejects(client.registerService(body, signal), /unknown field "Foo"/);
    assert.deepEqual(sent(), [true]);
  });
});
