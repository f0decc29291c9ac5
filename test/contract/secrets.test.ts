/**
 * Credentials go to the servers they are for and nowhere else: a real process, with a canary for every credential,
 * between servers that fail in every way and repeat what they were sent.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { certificate, certificateKey } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { HostileProxy, type HostileProxyOptions, type Weather } from '../support/hostile-proxy.ts';
import {
  type OperatorOptions,
  type OperatorProcess,
  runToEnd,
  startOperator,
} from '../support/real/operator.ts';

const canaries = {
  consulToken: 'canary-consul-token-0b7e',
  fileToken: 'canary-token-of-a-file-51d2',
  renewedToken: 'canary-token-renewed-77aa',
  bearer: 'canary-bearer-9c3f.canary-claims.canary-signature',
  login: 'canary-token-of-a-login-2f60',
  kube: 'canary-kube-token-e841',
  password: 'canary-password-a3c9',
};
/** A line of the key, and what every canary begins with. */
const forbidden = [certificateKey.split('\n')[1]!, 'canary'];

const weathers: readonly Weather[] = ['not-json', 'odd-json', 'cut', 'reset', 400, 401, 403, 404, 429, 500];

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'secrets-'));
});
after(() => rm(dir, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

const kubeconfigFor = (name: string, server: string) =>
  file(
    name,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'default' } }],
      clusters: [{ name: 'c', cluster: { server } }],
      users: [{ name: 'u', user: { token: canaries.kube } }],
    }),
  );

/** Where the canaries are in a text. */
function leaks(where: string, text: string): string[] {
  return forbidden.flatMap((secret) => {
    const at = text.indexOf(secret);
    return at < 0 ? [] : [`${where}: …${text.slice(Math.max(0, at - 200), at + 40)}…`];
  });
}

/** An in-memory cluster and Consul, each behind a hostile proxy, and an operator between them. */
class Stage implements AsyncDisposable {
  readonly kube = new KubeApi({ clock: systemClock, random: systemRandom });
  readonly consul = new ConsulServer({ clock: systemClock, random: systemRandom });
  readonly #started = new AsyncDisposableStack();
  #pods = 0;

  async proxies(consul: Pick<HostileProxyOptions, 'tls' | 'own'> = {}) {
    const start = async (options: HostileProxyOptions) =>
      this.#started.use(await HostileProxy.start(options));
    const toKube = await start({ target: this.kube.transport('admin') });
    const toConsul = await start({ target: this.consul.transport(), ...consul });
    return { toKube, toConsul };
  }

  async operator(config: object, kubeconfig: string, env: Record<string, string> = {}) {
    return this.#started.use(
      await startOperator({
        config: {
          kubernetes: { kubeconfig },
          consul: { requestTimeout: '2s', ...config },
          leaderElection: { enabled: true },
          log: { level: 'debug' },
          sync: { fullComparisonInterval: '1s' },
        },
        env,
      }),
    );
  }

  /** A pod, right or wrong: something to write, and something to tell its owner. */
  addPod(annotations: Readonly<Record<string, string>>): string {
    const name = `web-${++this.#pods}`;
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'default',
        annotations: Object.fromEntries(
          Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]),
        ),
      },
      spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x', ports: [{ containerPort: 80 }] }] },
      status: {
        phase: 'Running',
        podIP: `10.1.0.${this.#pods}`,
        podIPs: [{ ip: `10.1.0.${this.#pods}` }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
    return name;
  }

  async registered(pod: string): Promise<void> {
    const isThere = () =>
      this.consul.outsider
        .nodes()
        .some(({ Node }) =>
          this.consul.outsider.services(Node).some(({ Meta }) => Meta?.['kube-pod'] === pod),
        );
    await eventually(isThere, { timeoutMs: 90_000, what: `${pod} is registered` });
  }

  /** One weather after the other, at both servers; at the end everything works again. */
  async storm(proxies: { readonly toKube: HostileProxy; readonly toConsul: HostileProxy }): Promise<void> {
    for (const weather of weathers) {
      for (const proxy of Object.values(proxies)) {
        proxy.turn(weather);
        this.addPod({ service: 'web' });
        await eventually(() => proxy.spoilt >= 3, { timeoutMs: 90_000, what: `${weather} is noticed` });
        proxy.turn('fair');
      }
    }
    await this.registered(this.addPod({ service: 'web' }));
  }

  /** Everything in the cluster, as text. */
  cluster(): string {
    const { tables } = this.kube.store.snapshot();
    return JSON.stringify([...tables].map(([name, table]) => [name, [...table]]));
  }

  /** Everything the operator has given to somebody, but what it sent to those who are to have it. */
  async given(operator: OperatorProcess): Promise<Record<string, string>> {
    const get = async (path: string) => (await fetch(`${operator.url}${path}`)).text();
    return {
      metrics: await get('/metrics'),
      page: await get('/'),
      status: await get('/status.json'),
      readiness: await get('/readyz'),
      dump: JSON.stringify(await operator.dump()),
      kubernetes: this.cluster(),
      consul: gunzipSync(this.consul.snapshot()).toString('utf8'),
      log: operator.output(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
    this.consul[Symbol.dispose]();
  }
}

/** Weathers the storm with these credentials, and looks for them in everything that went out. */
async function survive(
  stage: Stage,
  proxies: { readonly toKube: HostileProxy; readonly toConsul: HostileProxy },
  operator: OperatorProcess,
): Promise<void> {
  await operator.ready();
  await stage.registered(stage.addPod({ service: 'web' }));
  stage.addPod({ service: 'web', port: 'no such port' });
  await eventually(() => stage.cluster().includes('InvalidAnnotation'), { what: 'the owner is told' });
  await stage.storm(proxies);
  const given = await stage.given(operator);
  assert.equal(await operator.stop(), 0);
  const found = Object.entries({ ...given, log: operator.output() }).flatMap(([where, text]) => {
    assert.notEqual(text, '', where);
    return leaks(where, text);
  });
  assert.deepEqual(found, []);
}

test('a debug dump tells what the process knows, at any log level', async () => {
  await using stage = new Stage();
  const { toKube, toConsul } = await stage.proxies();
  const kubeconfig = await kubeconfigFor('dump.kubeconfig', toKube.url);
  const config = { addresses: ['http://127.0.0.1:1', toConsul.url], token: canaries.consulToken };
  const operator = await stage.operator(config, kubeconfig, { KUBE_REGISTRAR_LOG_LEVEL: 'error' });
  await operator.ready();
  await stage.registered(stage.addPod({ service: 'web' }));
  const { operator: known, config: shown, connections, process } = (await operator.dump()) as unknown as Dump;
  assert.equal(shown.consul.token, '[redacted]');
  assert.equal(connections.consul, toConsul.url, 'the server that answers');
  assert.equal(known.leadership.state, 'leading');
  assert.deepEqual([known.stores.nodesInConsul, known.stores.instancesInConsul], [1, 1]);
  assert.deepEqual(Object.keys(known.pending), ['queue']);
  assert.equal(known.reflectors.count, 4);
  assert.ok(known.reflectors.first.every(({ synced, error }) => synced && error === null));
  assert.ok(process.memory.heapUsed > 0);
  assert.deepEqual(new Set(operator.logs().map(({ reason }) => reason)), new Set(['DebugDump']));
});

interface Dump {
  readonly config: { readonly consul: { readonly token: string } };
  readonly connections: { readonly consul: string };
  readonly process: { readonly memory: { readonly heapUsed: number } };
  readonly operator: {
    readonly leadership: { readonly state: string };
    readonly stores: { readonly nodesInConsul: number; readonly instancesInConsul: number };
    readonly pending: { readonly refused: unknown };
    readonly reflectors: {
      readonly count: number;
      readonly first: readonly { readonly synced: boolean; readonly error: unknown }[];
    };
  };
}

describe('a credential stays where it belongs', () => {
  test('as a token in the environment', async () => {
    await using stage = new Stage();
    const proxies = await stage.proxies();
    const kubeconfig = await kubeconfigFor('env.kubeconfig', proxies.toKube.url);
    const operator = await stage.operator({ addresses: [proxies.toConsul.url] }, kubeconfig, {
      CONSUL_HTTP_TOKEN: canaries.consulToken,
    });
    await survive(stage, proxies, operator);
  });

  test('as a token in a file, also one that is renewed, and as the key of a certificate', async () => {
    await using stage = new Stage();
    const proxies = await stage.proxies({
      tls: { cert: certificate, key: certificateKey, requestCert: true, ca: certificate },
    });
    const kubeconfig = await kubeconfigFor('file.kubeconfig', proxies.toKube.url);
    const tokenFile = await file('token', canaries.fileToken);
    const operator = await stage.operator(
      {
        addresses: [proxies.toConsul.url],
        tokenFile,
        caFile: await file('ca.pem', certificate),
        certFile: await file('cert.pem', certificate),
        keyFile: await file('key.pem', certificateKey),
        serverName: 'test-a',
      },
      kubeconfig,
    );
    await operator.ready();
    await writeFile(tokenFile, canaries.renewedToken);
    await writeFile(join(dir, 'cert.pem'), `${certificate}${certificate}`);
    await survive(stage, proxies, operator);
    assert.equal(operator.logs('TokenRenewed').length, 1);
    assert.equal(operator.logs('CertificatesRenewed').length, 1);
  });

  test('as the bearer token of a login, and as the token it gives', async () => {
    await using stage = new Stage();
    const now = Date.now();
    const login = {
      AccessorID: '0c2b6b1e-0000-0000-0000-000000000000',
      SecretID: canaries.login,
      CreateTime: new Date(now).toISOString(),
      ExpirationTime: new Date(now + 3_600_000).toISOString(),
    };
    const proxies = await stage.proxies({
      own: ({ path }) =>
        path.startsWith('/v1/acl/login')
          ? JSON.stringify(login)
          : path.startsWith('/v1/acl/')
            ? 'true'
            : undefined,
    });
    const kubeconfig = await kubeconfigFor('login.kubeconfig', proxies.toKube.url);
    const bearerTokenFile = await file('bearer', canaries.bearer);
    const operator = await stage.operator(
      { addresses: [proxies.toConsul.url], acl: { authMethod: 'kubernetes', bearerTokenFile } },
      kubeconfig,
    );
    await survive(stage, proxies, operator);
    assert.ok(operator.logs('AclLogin').length > 0);
    assert.ok(operator.logs('AclLoginFailed').length > 0);
  });

  test('when nobody is there, and when TLS meets what is no TLS', async () => {
    await using stage = new Stage();
    const { toKube, toConsul } = await stage.proxies();
    const kubeconfig = await kubeconfigFor('nobody.kubeconfig', toKube.url);
    const plain = new URL(toConsul.url).host;
    const tls = new URL(
      (await stage.proxies({ tls: { cert: certificate, key: certificateKey } })).toConsul.url,
    ).host;
    for (const address of ['http://127.0.0.1:1', `https://${plain}`, `https://${tls}`]) {
      const operator = await stage.operator({ addresses: [address] }, kubeconfig, {
        CONSUL_HTTP_TOKEN: canaries.consulToken,
      });
      await eventually(() => operator.logs('ConsulUnavailable').length > 0, { timeoutMs: 30_000 });
      const given = await stage.given(operator);
      assert.deepEqual(
        Object.entries(given).flatMap(([where, text]) => leaks(where, text)),
        [],
      );
    }
  });

  test('when the configuration is wrong', async () => {
    const kubeconfig = await kubeconfigFor('wrong.kubeconfig', `https://u:${canaries.password}@127.0.0.1:1`);
    const base = { kubernetes: { kubeconfig }, log: { level: 'debug' } };
    const garbage = await file('garbage.pem', `-----BEGIN PRIVATE KEY-----\n${canaries.password}\n`);
    const wrong: readonly OperatorOptions['config'][] = [
      { ...base, consul: { addresses: [`https://u:${canaries.password}@consul:8501`] } },
      { ...base, consul: { addresses: [`https://consul:8501/?token=${canaries.consulToken}`] } },
      { ...base, consul: { token: { value: canaries.consulToken } } },
      { ...base, consul: { token: [canaries.consulToken] } },
      { ...base, consul: { token: canaries.consulToken, tokenFile: 'x' } },
      { ...base, consul: { token: canaries.consulToken, tokn: canaries.consulToken } },
      { ...base, consul: { certFile: join(dir, 'ca.pem'), keyFile: garbage } },
      `consul:\n  token: "${canaries.consulToken}\n  caFile: x\n`,
      `consul:\n  token: ${canaries.consulToken}: x\n`,
      {
        ...base,
        kubernetes: {
          kubeconfig: await file('broken.kubeconfig', `users: [{user: {token: ${canaries.kube}`),
        },
      },
      { ...base, kubernetes: { kubeconfig, context: 'no such' } },
    ];
    for (const config of wrong) {
      const { code, output } = await runToEnd({ config });
      assert.equal(code, 1, output);
      assert.notEqual(output, '');
      assert.deepEqual(leaks(JSON.stringify(config), output), []);
    }
  });
});
