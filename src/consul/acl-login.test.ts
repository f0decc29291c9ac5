import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type LogLine, recorder } from '../../test/support/log-recorder.ts';
import { seeded } from '../../test/support/seeded-random.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { Secret } from '../lib/secret.ts';
import { type HttpRequest, type HttpResponse, readText, type Transport } from '../lib/transport.ts';
import { ConsulServer } from '../sandbox/consul/consul-server.ts';
import { AclLogin } from './acl-login.ts';
import { AclLoginTransport } from './acl-login-transport.ts';
import { ConsulApi } from './consul-api.ts';

const signal = new AbortController().signal;
const write = { '': { policy: 'write' } } as const;

class Stage {
  readonly clock = new VirtualClock();
  readonly consul: ConsulServer;
  readonly log: LogLine[] = [];
  readonly requests: HttpRequest[] = [];
  readonly results: string[] = [];
  readonly login: AclLogin;
  readonly transport: AclLoginTransport;
  bearer = 'service-account-token';

  constructor({ ttlMs }: { readonly ttlMs?: number } = {}) {
    const { clock } = this;
    this.consul = new ConsulServer({
      clock,
      random: seeded(1),
      acl: {
        managementToken: 'root',
        authMethods: {
          kubernetes: (bearer) => (bearer === 'service-account-token' ? ['operator'] : undefined),
        },
        ...(ttlMs === undefined ? {} : { loginTtlMs: ttlMs }),
      },
    });
    this.consul.acl.setPolicy('operator', { node_prefix: write }, '');
    const inner = this.consul.transport();
    const recording: Transport = {
      request: (request) => {
        this.requests.push(request);
        return inner.request(request);
      },
      close: () => inner.close(),
    };
    this.login = new AclLogin({
      api: new ConsulApi({ transport: recording, clock, namespace: 'team' }),
      clock,
      random: seeded(2),
      logger: recorder(this.log),
      authMethod: 'kubernetes',
      bearer: async () => new Secret(this.bearer),
      meta: { component: 'kube-registrar' },
      onLogin: (result) => this.results.push(result),
    });
    this.transport = new AclLoginTransport(recording, this.login);
  }

  get logins(): HttpRequest[] {
    return this.requests.filter(({ path }) => path.startsWith('/v1/acl/login'));
  }

  /** Whether the token of the login may write a node. */
  async canWrite(): Promise<number> {
    // What is there already may be written without a right.
    const body = JSON.stringify({ Node: 'n', Address: `10.0.0.${this.requests.length}` });
    const response = await this.request({ method: 'PUT', path: '/v1/catalog/register', body });
    await readText(response);
    return response.status;
  }

  request(request: Omit<HttpRequest, 'signal'>): Promise<HttpResponse> {
    return this.transport.request({ ...request, signal });
  }

  get token(): string {
    return this.requests.at(-1)?.headers?.['x-consul-token'] ?? '';
  }
}

describe('AclLogin', () => {
  test('logs in once for all who wait, with the bearer token, and shows who it is', async () => {
    const stage = new Stage();
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => stage.canWrite())), [200, 200, 200]);
    assert.equal(stage.logins.length, 1);
    const [{ path, body, headers }] = stage.logins as [HttpRequest];
    assert.equal(path, '/v1/acl/login?ns=team');
    assert.deepEqual(JSON.parse(body ?? ''), {
      AuthMethod: 'kubernetes',
      BearerToken: 'service-account-token',
      Meta: { component: 'kube-registrar' },
    });
    assert.equal(headers?.['x-consul-token'], undefined);
  });

  test('a token that Consul does not know any more is replaced by one login, and each request repeated', async () => {
    const stage = new Stage();
    await stage.canWrite();
    stage.consul.acl.revoke(stage.token);
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => stage.canWrite())), [200, 200, 200, 200]);
    assert.equal(stage.logins.length, 2);
  });

  test('replaces a token at two thirds of its life, so that no request meets an expired one', async () => {
    const stage = new Stage({ ttlMs: 60_000 });
    await stage.canWrite();
    for (let second = 0; second < 300; second += 1) {
      await stage.clock.advance(1_000);
      assert.equal(await stage.canWrite(), 200);
    }
    assert.ok(stage.logins.length >= 7 && stage.logins.length <= 9, `${stage.logins.length} logins`);
    assert.equal(stage.requests.length, stage.logins.length + 301, 'nothing was repeated');
  });

  test('a login that fails before the expiry is tried again while the old token still does', async () => {
    const stage = new Stage({ ttlMs: 60_000 });
    await stage.canWrite();
    stage.bearer = 'rotated and not yet accepted';
    await stage.clock.advance(50_000);
    assert.equal(await stage.canWrite(), 200);
    assert.ok(stage.results.filter((result) => result === 'failed').length >= 2);
    stage.bearer = 'service-account-token';
    await stage.clock.advance(31_000);
    assert.equal(await stage.canWrite(), 200);
    const told = stage.log.filter(({ fields }) => fields['reason'] === 'AclLoginFailed');
    assert.equal(told.length, 1, 'reported once');
  });

  test('a token that lacks a right is replaced once a minute at most, and the old one destroyed', async () => {
    const stage = new Stage();
    await stage.canWrite();
    const old = stage.token;
    stage.consul.acl.setPolicy('operator', {}, '');
    assert.equal(await stage.canWrite(), 403);
    await stage.clock.advance(59_000);
    assert.equal(await stage.canWrite(), 403);
    assert.equal(stage.logins.length, 1);
    await stage.clock.advance(2_000);
    assert.equal(await stage.canWrite(), 403);
    assert.equal(stage.logins.length, 2);
    await stage.clock.settle();
    assert.equal(stage.consul.acl.token(old), undefined);
  });

  test('a refused login is an error for who needs the token, tried again with the next request', async () => {
    const stage = new Stage();
    stage.bearer = 'of somebody else';
    await assert.rejects(stage.canWrite(), { code: 'forbidden' });
    stage.bearer = 'service-account-token';
    assert.equal(await stage.canWrite(), 200);
    assert.deepEqual(stage.results, ['failed', 'ok']);
  });

  test('close() destroys the token and leaves no timer', async () => {
    const stage = new Stage({ ttlMs: 60_000 });
    await stage.canWrite();
    const { token } = stage;
    await stage.login.close();
    assert.equal(stage.consul.acl.token(token), undefined);
    assert.equal(stage.clock.pending, 0);
  });

  test('neither token ever stands in the log', async () => {
    const stage = new Stage({ ttlMs: 60_000 });
    await stage.canWrite();
    const secrets = [stage.token, stage.bearer];
    stage.bearer = 'another secret';
    await stage.clock.advance(59_000);
    await stage.login.close();
    const text = JSON.stringify(stage.log);
    for (const secret of [...secrets, 'another secret']) assert.ok(!text.includes(secret));
  });
});
