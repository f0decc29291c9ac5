/** The image as the Dockerfile makes it, and the program in it, confined as strictly as a cluster may ask. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.ts';
import { buildImage, operatorImage } from '../support/node/build-image.ts';
import { ImageRunner } from '../support/node/confined.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { containerOptions, type PodSpec } from '../support/real/containers.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { helm, objectsIn, root } from '../support/real/helm.ts';
import { entrypoint } from '../support/real/image.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { freePorts } from '../support/real/ports.ts';
import { Release } from '../support/real/release.ts';

const run = promisify(execFile);
const budgetBytes = 60_000_000;

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

interface Config {
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
}

/** Unpacks an OCI archive; resolves with the digest of its manifest and how to read its parts. */
async function unpack(archive: string, into: string) {
  await mkdir(into, { recursive: true });
  await run('tar', ['-C', into, '-xf', archive]);
  const index = JSON.parse(await readFile(join(into, 'index.json'), 'utf8')) as {
    manifests: { digest: string }[];
  };
  const { digest } = index.manifests[0]!;
  const blob = (of: string) => join(into, 'blobs/sha256', of.slice('sha256:'.length));
  const read = async <T>(of: string) => JSON.parse(await readFile(blob(of), 'utf8')) as T;
  const manifest = await read<Manifest>(digest);
  return { digest, manifest, config: await read<Config>(manifest.config.digest), blob };
}

let dir: string;
let archive: string;

before(async () => {
  dir = await dataDir('image');
  archive = await operatorImage(AbortSignal.timeout(600_000));
});

after(() => rm(dir, { recursive: true, force: true }));

suite('the image', () => {
  let image: Awaited<ReturnType<typeof unpack>>;
  /** `drwxr-xr-x 0/0 … ./path` of every file, the last layer's last. */
  let files: string[];

  before(async () => {
    image = await unpack(archive, join(dir, 'one'));
    const listed = image.manifest.layers.map(({ digest }) =>
      run('tar', ['--numeric-owner', '-tvzf', image.blob(digest)]),
    );
    files = (await Promise.all(listed)).flatMap(({ stdout }) => stdout.trim().split('\n'));
  });

  test('is the same when it is built again', async () => {
    const again = await buildImage(join(dir, 'again.tar'), AbortSignal.timeout(600_000));
    assert.equal((await unpack(again, join(dir, 'two'))).digest, image.digest);
  });

  test('is small', (t) => {
    const bytes = image.manifest.layers.reduce((sum, { size }) => sum + size, 0);
    t.diagnostic(`${(bytes / 1e6).toFixed(1)} MB compressed`);
    assert.ok(bytes < budgetBytes, `${bytes} bytes`);
  });

  test('runs the program as a user without rights', () => {
    const { config } = image.config;
    assert.equal(config.User, '65532:65532');
    assert.deepEqual(config.Entrypoint, entrypoint);
    assert.deepEqual(config.Cmd, ['run']);
  });

  test('has no shell, and nothing of its own that its user could write', () => {
    const paths = files.map((line) =>
      line
        .split(/\s+/)
        .slice(5)
        .join(' ')
        .replace(/ -> .*/, ''),
    );
    assert.deepEqual(
      paths.filter((path) => /(^|\/)s?bin\/(\w*sh|busybox|apt.*|dpkg.*|npm)$/.test(path)),
      [],
    );
    const own = files.filter((line) => / (\.\/)?(app|usr\/local\/bin)\//.test(line));
    assert.ok(own.length > 5);
    for (const line of own) {
      const [mode = '', owner] = line.split(/\s+/);
      assert.equal(owner, '0/0', line);
      assert.ok(mode.startsWith('l') || !/^.....w|^........w/.test(mode), line);
    }
  });

  test('lists what went into it', async () => {
    const [layer] = image.manifest.layers.slice(-1);
    const app = join(dir, 'app');
    await mkdir(app);
    await run('tar', ['-C', app, '-xzf', image.blob(layer!.digest)]);
    const sbom = JSON.parse(await readFile(join(app, 'app/sbom.cdx.json'), 'utf8')) as {
      components: { name: string; version: string }[];
    };
    const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const listed = sbom.components.map(({ name, version }) => `${name}@${version}`);
    for (const [name, version] of Object.entries(dependencies))
      assert.ok(listed.includes(`${name}@${version}`), name);
    assert.ok(listed.includes(`node@${process.versions.node}`));
  });
});

suite('in a container without rights', () => {
  let runner: ImageRunner;
  let kube: Kube;
  let consul: Consul;
  let release: Release;

  before(async () => {
    [runner, kube, consul] = await Promise.all([ImageRunner.start(archive), startKube(), startConsul()]);
    const config = {
      cluster: { name: 'test' },
      consul: { addresses: [consul.url] },
      leaderElection: { enabled: true },
    };
    release = await Release.install(kube, 'registrar', { config });
  });

  after(() => Promise.all([runner?.[Symbol.asyncDispose](), kube?.stop(), consul?.stop()]));

  const command = (...args: readonly string[]) => [...entrypoint, ...args];

  test('--help says what there is', async () => {
    const { code, output } = await runner.run({ command: command('--help') });
    assert.equal(code, 0, output);
    assert.match(output, /Usage: kube-registrar/);
  });

  test('demo says that it is not in the image', async () => {
    const { code, output } = await runner.run({ command: command('demo') });
    assert.equal(code, 1, output);
    assert.match(output, /^error: the demo is not in the image; .*npm run demo"$/m);
  });

  test('validate tells good from bad', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'x',
        annotations: { 'kube-registrar.io/service': 'web', 'kube-registrar.io/port': '8080' },
      },
      spec: { containers: [{ name: 'c', image: 'c' }] },
    };
    const bad = {
      ...pod,
      metadata: {
        ...pod.metadata,
        annotations: { ...pod.metadata.annotations, 'kube-registrar.io/weight': 'much' },
      },
    };
    const mounts = { '/manifests': { 'good.json': JSON.stringify(pod), 'bad.json': JSON.stringify(bad) } };
    const good = await runner.run({ command: command('validate', '/manifests/good.json'), mounts });
    assert.equal(good.code, 0, good.output);
    const refused = await runner.run({ command: command('validate', '/manifests/bad.json'), mounts });
    assert.notEqual(refused.code, 0);
    assert.match(refused.output, /weight/);
  });

  test('memory that runs out ends in a message and not in a silent kill', async () => {
    const [node = '', ...flags] = entrypoint.slice(0, -1);
    const greedy = 'const held = []; for (;;) held.push(new Array(1_000).fill(held.length))';
    const { code, output } = await runner.run({ command: [node, ...flags, '-e', greedy] });
    assert.match(output, /JavaScript heap out of memory/);
    // The first process of a container gets no SIGABRT; abort() then ends it by the next thing that does.
    const { SIGABRT, SIGSEGV } = constants.signals;
    assert.ok(code === 128 + SIGABRT || code === 128 + SIGSEGV, `exit code ${code}, not that of a SIGKILL`);
  });

  test('run is ready, has no rights, passes the chart’s test, and ends within a second of SIGTERM', async () => {
    const path = '/apis/apps/v1/namespaces/registrar/deployments/kube-registrar';
    const { spec } = (await kube.api.get<{ spec: { template: { spec: PodSpec } } }>(path)).spec.template;
    const options = await containerOptions(kube, 'registrar', spec, spec.containers[0]!);
    const [port] = await freePorts(1);
    const url = `http://127.0.0.1:${port}`;
    const env = { ...options.env, KUBE_REGISTRAR_SERVER_LISTEN: `127.0.0.1:${port}` };
    const operator = await runner.start({ ...options, env }, async () => (await fetch(`${url}/healthz`)).ok);
    await eventually(async () => (await fetch(`${url}/readyz`)).ok, {
      timeoutMs: 60_000,
      what: 'the operator is ready',
    });
    for (const name of ['CapEff', 'CapPrm', 'CapBnd'])
      assert.equal(Number.parseInt(await operator.account(name), 16), 0, name);
    assert.equal(await operator.account('NoNewPrivs'), '1');
    assert.equal(await operator.account('Seccomp'), '2');
    assert.match(await operator.account('Uid'), /^65532\s/);

    const hooks = objectsIn(
      await helm(
        'get',
        'hooks',
        release.name,
        '--namespace',
        'registrar',
        '--kubeconfig',
        kube.kubeconfigPath,
      ),
    );
    const template = hooks.find(({ kind, metadata }) => kind === 'Job' && metadata.name.endsWith('-test'))!;
    const config = hooks.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.endsWith('-test'),
    )!;
    await kube.api.post('/api/v1/namespaces/registrar/configmaps', config);
    const job = (template['spec'] as { template: { spec: PodSpec } }).template.spec;
    const testOptions = await containerOptions(kube, 'registrar', job, job.containers[0]!);
    const tested = await runner.run({ ...testOptions, env: { ...testOptions.env, OPERATOR_URL: url } });
    assert.equal(tested.code, 0, tested.output);

    const { code, ms, output } = await operator.terminate();
    assert.equal(code, 0, output);
    assert.ok(ms < 1_000, `${ms} ms`);
  });
});
