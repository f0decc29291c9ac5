/** Mutual TLS and ACLs on a real Consul: certificates, authorities and the token are replaced under way. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.ts';
import { CertificateAuthority, type KeyPair } from '../support/real/certificates.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { instances, isPassing } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { startKubelet } from '../support/real/kubelet.ts';
import { installRbac, operatorIdentity, startOperator } from '../support/real/operator.ts';
import { freePorts } from '../support/real/ports.ts';
import { Namespace } from '../support/real/workloads.ts';

const patience = { timeoutMs: 90_000 };
const started = new AsyncDisposableStack();
let kube: Kube;
let consul: Consul;
let dir: string;
let url: string;
let old: CertificateAuthority;
let young: CertificateAuthority;

/** What the server shows, and whom it trusts. */
async function serve(pair: KeyPair, ...trusted: readonly CertificateAuthority[]): Promise<void> {
  await writeFile(join(dir, 'server.pem'), pair.cert);
  await writeFile(join(dir, 'server-key.pem'), pair.key);
  await writeFile(join(dir, 'server-ca.pem'), trusted.map(({ cert }) => cert).join(''));
}

/** What the operator shows, and whom it trusts. */
async function give(pair: KeyPair, ...trusted: readonly CertificateAuthority[]): Promise<void> {
  await writeFile(join(dir, 'ca.pem'), trusted.map(({ cert }) => cert).join(''));
  await writeFile(join(dir, 'client.pem'), pair.cert);
  await writeFile(join(dir, 'client-key.pem'), pair.key);
}

/** The server takes up its files as after a restart: connections with the old ones end. */
async function restartConsul(): Promise<void> {
  const [server] = consul.servers;
  await server!.stop();
  await server!.start();
}

/** A handshake from nothing, as this client. */
async function greet(pair: KeyPair | undefined, authority: CertificateAuthority): Promise<number> {
  const agent = new Agent({ connect: { ca: authority.cert, ...pair } });
  try {
    const { statusCode, body } = await request(`${url}/v1/status/leader`, { dispatcher: agent });
    await body.dump();
    return statusCode;
  } finally {
    await agent.destroy();
  }
}

async function tokenFor(Name: string): Promise<{ AccessorID: string; SecretID: string }> {
  const Rules = 'node_prefix "prod-" { policy = "write" } service_prefix "" { policy = "write" }';
  await consul.api.put('/v1/acl/policy', { Name, Rules });
  return consul.api.put('/v1/acl/token', { Policies: [{ Name }] });
}

before(async () => {
  dir = await dataDir('rotation');
  [old, young] = [await CertificateAuthority.create(dir), await CertificateAuthority.create(dir)];
  await serve(await old.issue('server'), old);
  const [https] = await freePorts(1);
  url = `https://127.0.0.1:${https}`;
  const tls = {
    defaults: {
      ca_file: join(dir, 'server-ca.pem'),
      cert_file: join(dir, 'server.pem'),
      key_file: join(dir, 'server-key.pem'),
    },
    https: { verify_incoming: true },
  };
  [kube, consul] = await Promise.all([
    startKube(),
    startConsul({ acl: true, serverConfig: { ports: { https }, tls } }),
  ]);
  started.use(kube);
  started.use(consul);
  await installRbac(kube);
  started.use(await startKubelet(kube.api));
});

after(() => started.disposeAsync());

suite('an operator whose credentials are replaced', () => {
  test('goes on with new certificates from a new authority and a new token, while the old ones are refused', async () => {
    const first = await old.issue('client');
    await give(first, old);
    const tokenFile = join(dir, 'token');
    const [oldToken, newToken] = [await tokenFor('old'), await tokenFor('new')];
    await writeFile(tokenFile, oldToken.SecretID);
    await using operator = await startOperator({
      config: {
        cluster: { name: 'prod' },
        kubernetes: { kubeconfig: await kube.kubeconfigFor(operatorIdentity) },
        consul: {
          addresses: [url],
          tokenFile,
          caFile: join(dir, 'ca.pem'),
          certFile: join(dir, 'client.pem'),
          keyFile: join(dir, 'client-key.pem'),
        },
        sync: { fullComparisonInterval: '1s' },
      },
    });
    await operator.ready();
    const ns = await Namespace.create(kube.api, 'shop');
    let pods = 0;
    /** A new pod gets through, whatever was replaced before. */
    const goesOn = async () => {
      await ns.addPod(`web-${++pods}`, { service: 'web', port: 'http' });
      const all = async () => {
        const entries = await instances(consul, 'web');
        assert.equal(entries.filter(isPassing).length, pods);
      };
      await eventually(all, { ...patience, what: `pod ${pods} is in Consul` });
    };
    await goesOn();
    assert.equal(await greet(first, old), 200);
    await assert.rejects(greet(undefined, old), 'without a certificate nobody is let in');

    // Another certificate of the same authority, half of it first: the pair does not fit.
    const second = await old.issue('client');
    await writeFile(join(dir, 'client.pem'), second.cert);
    await eventually(() => operator.logs('CertificatesUnusable').length >= 1, patience);
    await goesOn();
    await give(second, old);
    await eventually(() => operator.logs('CertificatesRenewed').length >= 1, patience);
    await goesOn();

    // Another authority: for a while both are trusted, then only the new one.
    const third = await young.issue('client');
    await serve(await old.issue('server'), old, young);
    await restartConsul();
    await give(third, old, young);
    await eventually(() => operator.logs('CertificatesRenewed').length >= 2, patience);
    await serve(await young.issue('server'), young);
    await restartConsul();
    await goesOn();
    await assert.rejects(greet(first, young), 'the old certificate is refused');
    await assert.rejects(greet(third, old), 'who trusts only the old authority does not get through');
    assert.equal(await greet(third, young), 200);

    // Another token, and then without the first.
    await writeFile(tokenFile, newToken.SecretID);
    await eventually(() => operator.logs('TokenRenewed').length >= 1, patience);
    await consul.api.delete(`/v1/acl/token/${oldToken.AccessorID}`);
    await goesOn();
    assert.equal(await operator.stop(), 0);
    for (const secret of [oldToken.SecretID, newToken.SecretID, third.key.split('\n')[1]!]) {
      assert.ok(!operator.output().includes(secret));
    }
  });
});
