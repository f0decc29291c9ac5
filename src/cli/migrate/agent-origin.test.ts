import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LoadedConfig } from '../../config/load.ts';
import { configSchema } from '../../config/schema.ts';
import { Secret } from '../../lib/secret.ts';
import { consulNodeName } from '../../model/keys.ts';
import { agentOrigins } from './agent-origin.ts';

const loaded = (config: object = {}, token?: string): LoadedConfig => ({
  config: configSchema.parse(config),
  tls: {},
  token: token === undefined ? undefined : new Secret(token),
  warnings: [],
  origin: () => undefined,
});

const at = (address: string) => ({ name: consulNodeName('n'), address });
const https = { registration: { agent: { scheme: 'https', port: 8501 } } };

describe('agentOrigins()', () => {
  test('asks at the address of the node, with scheme and port of the configuration or as it is written', () => {
    assert.equal(agentOrigins(undefined, loaded())(at('10.0.0.1')), 'http://10.0.0.1:8500');
    assert.equal(agentOrigins(undefined, loaded(https))(at('fd00::1')), 'https://[fd00::1]:8501');
    assert.equal(agentOrigins('https://{address}/', loaded())(at('10.0.0.1')), 'https://10.0.0.1');
    assert.equal(agentOrigins(undefined, loaded())(at('127.0.0.2')), 'http://127.0.0.2:8500');
  });

  test('asks nobody at an address that no agent has', () => {
    const originOf = agentOrigins(undefined, loaded());
    for (const address of [
      '169.254.169.254',
      '::ffff:10.0.0.1',
      '0.0.0.0',
      '224.0.0.1',
      'consul.example',
      '',
    ]) {
      assert.throws(() => originOf(at(address)), { code: 'rejected' }, address);
    }
  });

  test('gives a token only to who proves to be an agent, or where that is allowed', () => {
    const refused = { code: 'config', message: /the Consul token would go to whatever listens/ };
    assert.throws(() => agentOrigins(undefined, loaded({}, 't')), refused);
    const unverified = { ...https, consul: { verify: false } };
    assert.throws(() => agentOrigins(undefined, loaded(unverified, 't')), refused);
    const login = { consul: { acl: { authMethod: 'k8s' } } };
    assert.throws(() => agentOrigins(undefined, loaded(login)), refused);
    agentOrigins(undefined, loaded(https, 't'));
    agentOrigins('https://{address}:8501', loaded({}, 't'));
    agentOrigins(undefined, loaded({ consul: { allowPlaintextToken: true } }, 't'));
  });

  test('refuses what is no origin with the address in it', () => {
    for (const template of [
      'http://10.0.0.1:8500',
      'http://{address}.example:8500',
      'http://user@{address}',
      'http://{address}/v1',
      'ftp://{address}',
      '{address}:8500',
    ]) {
      assert.throws(() => agentOrigins(template, loaded()), { code: 'config' }, template);
    }
  });
});
