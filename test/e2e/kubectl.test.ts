/** The real kubectl against the demo's API server in memory: what README, NOTES and the guides give, as a user types it. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { requireServers } from '../servers/locate.ts';
import { eventually } from '../support/eventually.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { root } from '../support/real/helm.ts';

const main = join(root, 'src/main.ts');
const patience = { timeoutMs: 120_000 };

interface Printed {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** A demo that goes on after its scenario, and its settings as it prints them. */
class KeptDemo implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #environment: Readonly<Record<string, string>>;
  #printed = '';

  constructor(environment: Readonly<Record<string, string>>) {
    this.#environment = environment;
    this.#child = spawn(process.execPath, [main, 'demo', '--keep'], {
      env: { TMPDIR: environment['TMPDIR'] },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child.stdout!.on('data', (chunk) => {
      this.#printed += chunk;
    });
  }

  /** Waits until it has printed how to reach it. */
  async ready(): Promise<void> {
    const last = / release --all --server \S+/;
    await eventually(() => last.test(this.#printed), { ...patience, what: 'the demo says how to reach it' });
  }

  /** One line of shell, with the variables that the demo prints. */
  shell(line: string): Promise<Printed> {
    const exports = [...this.#printed.matchAll(/^\s*export (\w+)=(\S+)$/gm)];
    const env = {
      ...this.#environment,
      ...Object.fromEntries(exports.map(([, name, value]) => [name, value])),
    };
    return new Promise((resolve) => {
      execFile('/bin/sh', ['-c', line], { env, timeout: 60_000 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : error.code, stdout, stderr });
      });
    });
  }

  /** What a line prints that has to succeed, without a word on stderr. */
  async run(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.shell(line);
    assert.deepEqual([code, stderr], [0, ''], `${line}\n${stdout}`);
    return stdout;
  }

  /** The lines that it invites to copy, one command each. */
  get invited(): readonly string[] {
    const [, lines = ''] = this.#printed.split('In another terminal:');
    return lines
      .split('\n')
      .flatMap((line) => (/^\s+(kubectl|kube-registrar) /.test(line) ? [line.trim()] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGINT');
    await exited;
  }
}

/** A directory for the PATH with kubectl and the project's commands under all of their names. */
async function commands(dir: string): Promise<string> {
  const { kubectl } = await requireServers(['kubectl']);
  const bin = join(dir, 'bin');
  const links = join(dir, 'links');
  for (const each of [bin, links]) await mkdir(each);
  await symlink(kubectl, join(bin, 'kubectl'));
  await symlink(process.execPath, join(bin, 'node'));
  // npm makes what it installs executable; in a checkout the program is not.
  for (const name of ['kube-registrar', 'kubectl-registrar', 'kubectl_complete-registrar']) {
    await symlink(main, join(links, name));
    await writeFile(join(bin, name), `#!/bin/sh\nexec node "${join(links, name)}" "$@"\n`, { mode: 0o755 });
  }
  return bin;
}

suite('kubectl on the demo that is kept', () => {
  let demo: KeptDemo;
  let dir: string;

  before(async () => {
    dir = await dataDir('kubectl');
    const bin = await commands(dir);
    demo = new KeptDemo({ HOME: dir, TMPDIR: dir, PATH: `${bin}:/usr/bin:/bin`, NO_COLOR: '1' });
    await demo.ready();
  });
  after(() => demo?.[Symbol.asyncDispose]());

  /** Name of one of the pods of a workload. */
  const podOf = async (app: string) =>
    (await demo.run(`kubectl get pods -l app=${app} -o jsonpath='{.items[0].metadata.name}'`)).trim();

  const passing = async (service: string): Promise<readonly string[]> => {
    const text = await demo.run(`curl -s "$CONSUL_HTTP_ADDR/v1/health/service/${service}?passing"`);
    return (JSON.parse(text) as { Service: { Tags: string[] } }[]).map(({ Service }) => Service.Tags.join());
  };

  test('gets what there is as tables, by every name, without a complaint about discovery', async () => {
    assert.match(
      await demo.run('kubectl get pods'),
      /^NAME +READY +STATUS +RESTARTS +AGE\n[\s\S]*^web-\S+ +1\/1 +Running +0 +\d+/m,
    );
    const kinds = 'po,svc,deploy,rs,sts,ds,no,ns,ing,ev,jobs,cj,cm,sa,leases,endpointslices,httproutes';
    const all = await demo.run(`kubectl get ${kinds} -A -o wide`);
    for (const title of ['pod/web-', 'service/search', 'deployment.apps/web', 'node/'])
      assert.ok(all.includes(title), title);
    assert.match(await demo.run('kubectl get all'), /^pod\/web-/m);
    assert.match(await demo.run('kubectl api-resources'), /^pods +po +v1 +true +Pod$/m);
    assert.match(await demo.run('kubectl version'), /^Server Version: v1\./m);
    const pod = await podOf('web');
    const asked = await demo.run(`kubectl get pod ${pod} -o jsonpath='{.metadata.annotations}'`);
    assert.equal(JSON.parse(asked)['kube-registrar.io/service'], 'web');
    assert.match(
      await demo.run("kubectl get namespace kube-system -o jsonpath='{.metadata.uid}'"),
      /^[0-9a-f-]{36}$/,
    );
    assert.equal(await demo.run('kubectl auth can-i list pods'), 'yes\n');
  });

  test('describes a pod with the Events that say where it is in Consul', async () => {
    const described = await demo.run(`kubectl describe pod ${await podOf('web')}`);
    assert.match(described, /Normal +Registered .*Registered in Consul as service "web"/);
    assert.match(await demo.run('kubectl describe svc search'), /kube-registrar\.io\/service: search/);
    assert.match(await demo.run('kubectl describe deploy web'), /^Replicas: +\d+ desired/m);
    assert.match(await demo.run('kubectl describe nodes'), /^Name: /m);
  });

  test('applies the examples, again, and changed, without --validate=false', async () => {
    const examples = join(dir, 'examples');
    await mkdir(examples);
    // In a namespace of their own, beside the demo's.
    for (const file of await readdir(join(root, 'manifests/examples'))) {
      const text = await readFile(join(root, 'manifests/examples', file), 'utf8');
      await writeFile(join(examples, file), text.replaceAll(/^( +name(space)?:) shop$/gm, '$1 examples'));
    }
    assert.match(await demo.run(`kubectl apply -f ${examples}/namespace-defaults.yaml`), / created$/m);
    const verbs = (printed: string) => new Set([...printed.matchAll(/ (\w+)$/gm)].map(([, verb]) => verb));
    const first = await demo.run(`kubectl apply -n examples -f ${examples}`);
    assert.deepEqual(verbs(first), new Set(['created', 'unchanged']), first);
    const again = await demo.run(`kubectl apply -n examples -f ${examples}`);
    assert.deepEqual(verbs(again), new Set(['unchanged']), again);
    const changed = join(dir, 'changed.yaml');
    await demo.run(`sed 's/replicas: .*/replicas: 1/' ${examples}/deployment.yaml > ${changed}`);
    assert.deepEqual(
      verbs(await demo.run(`kubectl apply -n examples -f ${changed}`)),
      new Set(['configured']),
    );
    assert.match(await demo.run('kubectl delete namespace examples'), / deleted/);
  });

  test('creates, annotates, patches, scales, rolls out and deletes, and Consul follows', async () => {
    const file = join(dir, 'deployment.json');
    await writeFile(file, JSON.stringify(deployment));
    await demo.run(`kubectl create -f ${file}`);
    assert.match(
      await demo.run('kubectl rollout status deployment/api --timeout=60s'),
      /successfully rolled out/,
    );
    const has = (...tags: readonly string[]) =>
      eventually(async () => assert.deepEqual(await passing('api'), tags), {
        ...patience,
        what: `tags ${tags}`,
      });
    await has('', '');
    await demo.run('kubectl scale deployment api --replicas 3');
    await has('', '', '');
    const template = { metadata: { annotations: { 'kube-registrar.io/tags': 'blue' } } };
    await demo.run(
      `kubectl patch deployment api --type merge --patch '${JSON.stringify({ spec: { template } })}'`,
    );
    await has('blue', 'blue', 'blue');
    await demo.run(`kubectl annotate pods -l app=api --overwrite kube-registrar.io/tags=green`);
    await has('green', 'green', 'green');
    await demo.run('kubectl rollout restart deployment api');
    await demo.run('kubectl rollout status deployment api --timeout=60s');
    await has('blue', 'blue', 'blue');
    await demo.run(`kubectl label pods -l app=api tier=front`);
    await demo.run(`kubectl delete pod ${await podOf('api')}`);
    await demo.run('kubectl wait --for=condition=Available deployment/api --timeout=60s');
    await has('blue', 'blue', 'blue');
    await demo.run('kubectl scale deployment/api --replicas=0');
    await demo.run('kubectl wait --for=delete pod -l app=api --timeout=60s');
    await has();
    await demo.run('kubectl delete deployment api');
  });

  test('says that no container runs there', async () => {
    const pod = await podOf('web');
    for (const command of ['logs', 'logs -f', 'exec -t', 'port-forward']) {
      const rest = command.startsWith('exec') ? ' -- ls' : command === 'port-forward' ? ' :8080' : '';
      const { code, stderr } = await demo.shell(`kubectl ${command} ${pod}${rest}`);
      assert.equal(code, 1, command);
      assert.match(stderr, new RegExp(`pod "${pod}" runs no container: this cluster is in memory`), command);
    }
  });

  test('runs the plugin, and completes what it takes', async () => {
    assert.match(await demo.run('kubectl plugin list'), /kubectl-registrar$/m);
    const explained = await demo.run(`kubectl registrar explain pod/${await podOf('web')}`);
    assert.match(explained, /^Pod shop\/web-/);
    assert.match(explained, /registered as wanted/);
    assert.match(await demo.run('kubectl registrar explain deploy/web -n shop'), /registered as wanted/);
    assert.match(await demo.run('kubectl registrar plan'), /Nothing to do/);
    const { stdout } = await demo.shell('kubectl __complete registrar explain dep');
    assert.match(stdout, /^deploy\/\n:6\n/);
    const flags = await demo.shell('kubectl __complete registrar plan --');
    assert.match(flags.stdout, /^--check-writes\b/m);
    const { code, stderr } = await demo.shell('kubectl registrar explain pod/absent -n shop');
    assert.deepEqual([code, stderr.startsWith('error: ')], [1, true], stderr);
  });

  test('holds what the demo invites to try: a lost node, and its release', async () => {
    const commands = demo.invited.flatMap((line) => line.replace(/ {2,}approves .*/, '').split('; '));
    const tried = commands.filter((line) => !line.includes('--watch') && !line.includes('delete pod'));
    assert.ok(tried.length >= 5, commands.join('\n'));
    for (const line of tried) await demo.run(line);
  });
});

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'api' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'api' } },
    template: {
      metadata: {
        labels: { app: 'api' },
        annotations: { 'kube-registrar.io/service': 'api', 'kube-registrar.io/port': '8080' },
      },
      spec: { containers: [{ name: 'api', image: 'registry.example/api:1' }] },
    },
  },
};
