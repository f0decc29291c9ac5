import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveConfig } from './resolve.ts';

function consul(environment: Record<string, string>, text = '') {
  const { config, mistakes, warnings } = resolveConfig({ file: { name: 'f', text }, environment, flags: {} });
  return { consul: config?.consul, mistakes, warnings };
}

describe("Consul's own variables", () => {
  for (const [environment, address] of [
    [{ CONSUL_HTTP_ADDR: 'consul.example:8500' }, 'http://consul.example:8500'],
    [{ CONSUL_HTTP_ADDR: '[::1]:8500' }, 'http://[::1]:8500'],
    [{ CONSUL_HTTP_ADDR: 'https://consul.example' }, 'https://consul.example'],
    [{ CONSUL_HTTP_ADDR: 'http://consul.example:8500/' }, 'http://consul.example:8500'],
    [{ CONSUL_HTTP_ADDR: 'consul.example:8501', CONSUL_HTTP_SSL: 'true' }, 'https://consul.example:8501'],
    [{ CONSUL_HTTP_ADDR: 'http://consul.example:8501', CONSUL_HTTP_SSL: '1' }, 'https://consul.example:8501'],
    [
      { CONSUL_HTTP_ADDR: 'https://consul.example:8501', CONSUL_HTTP_SSL: 'false' },
      'https://consul.example:8501',
    ],
    [{ CONSUL_HTTP_SSL: 'true' }, 'https://127.0.0.1:8500'],
  ] as const) {
    test(`${JSON.stringify(environment)} means ${address}`, () => {
      assert.deepEqual(consul(environment).consul?.addresses, [address]);
    });
  }

  test('CONSUL_HTTP_SSL alone turns the addresses of the file to TLS', () => {
    const text = 'consul: { addresses: ["http://a:1", "https://b:2"] }';
    assert.deepEqual(consul({ CONSUL_HTTP_SSL: 'true' }, text).consul?.addresses, [
      'https://a:1',
      'https://b:2',
    ]);
  });

  for (const [address, message] of [
    ['unix:///run/consul.sock', /is a Unix socket, which is not supported; give an http/],
    ['ftp://x:1', /scheme "ftp" is not supported/],
    ['http://user:pass@x:1', /contains a user or password; use tokenFile/],
    ['http://x:1/v1', /has text after the port; write "http:\/\/x:1"/],
    ['http://', /is not a URL/],
  ] as const) {
    test(`CONSUL_HTTP_ADDR=${address} is refused by name`, () => {
      const { mistakes } = consul({ CONSUL_HTTP_ADDR: address });
      assert.equal(mistakes.length, 1);
      assert.match(mistakes[0]!, /^environment CONSUL_HTTP_ADDR: /);
      assert.match(mistakes[0]!, message);
    });
  }

  test('set token, namespace, partition and TLS', () => {
    const { consul: config, mistakes } = consul({
      CONSUL_HTTP_TOKEN: 'hunter2',
      CONSUL_HTTP_SSL_VERIFY: 'false',
      CONSUL_CACERT: 'ca.pem',
      CONSUL_CLIENT_CERT: 'cert.pem',
      CONSUL_CLIENT_KEY: 'key.pem',
      CONSUL_TLS_SERVER_NAME: 'server.dc1.consul',
      CONSUL_NAMESPACE: 'team',
      CONSUL_PARTITION: 'east',
    });
    assert.deepEqual(mistakes, []);
    const { token, requestTimeout: _, addresses: __, acl: ___, heartbeat: ____, ...rest } = config!;
    assert.equal(token?.reveal(), 'hunter2');
    assert.deepEqual(rest, {
      verify: false,
      allowPlaintextToken: false,
      caFile: 'ca.pem',
      certFile: 'cert.pem',
      connections: 45,
      keyFile: 'key.pem',
      serverName: 'server.dc1.consul',
      namespace: 'team',
      partition: 'east',
    });
    assert.equal(consul({ CONSUL_HTTP_TOKEN_FILE: 'f' }).consul?.tokenFile, 'f');
  });

  test('that hold no boolean where one belongs are refused', () => {
    assert.deepEqual(consul({ CONSUL_HTTP_SSL: 'yes', CONSUL_HTTP_SSL_VERIFY: 'no' }).mistakes, [
      'environment CONSUL_HTTP_SSL_VERIFY: "no" is neither true nor false; use one of them',
      'environment CONSUL_HTTP_SSL: "yes" is neither true nor false; use one of them',
    ]);
  });

  test('that are not supported earn a warning', () => {
    assert.deepEqual(consul({ CONSUL_HTTP_AUTH: 'user:hunter2' }).warnings, [
      'environment CONSUL_HTTP_AUTH: is not used; HTTP basic authentication is not supported; use a token',
    ]);
  });
});
