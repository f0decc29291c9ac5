/**
 * The two packages as people get them: packed in a clean copy of the checkout, installed into empty projects, and
 * used from JavaScript and TypeScript on the versions of Node that they are for, with a real Consul.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { root } from '../support/real/helm.ts';
import { nodeBinary } from '../support/real/node-binary.ts';

const run = promisify(execFile);
const tsc = join(root, 'node_modules/.bin/tsc');

interface PackageJson {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
}

const readPackage = (path: string) =>
  JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as PackageJson;
const { version, license, dependencies } = readPackage(root);

/** Where the two versions of Node are, or why this machine cannot try the packages; in CI that is a failure. */
async function needed(): Promise<{ readonly old: string; readonly current: string } | string> {
  try {
    // What has to be installed comes from a registry.
    await run('npm', ['view', `undici@${dependencies['undici']}`, 'version']);
    return { old: await nodeBinary('22.23.3'), current: await nodeBinary('24.21.0') };
  } catch (error) {
    const why = `needs Node 22 and 24 from the npm package node, and npm with a registry: ${(error as Error).message}`;
    if (process.env['CI'] === 'true') throw new Error(why, { cause: error });
    return why;
  }
}

const found = await needed();
const skip = typeof found === 'string' && found;
const node = typeof found === 'string' ? { old: '', current: '' } : found;

/** A program for Node that does with a package's Naming what it is for, and prints what came of it. */
const program = (from: string) => `
import { setTimeout as delay } from 'node:timers/promises';
import { ConsulNaming, consistentHash, NamingError, Pool } from '${from}';
import type { InstanceDiff, ServiceInstance } from '${from}';

const naming = new ConsulNaming({ addresses: [process.env['CONSUL_HTTP_ADDR'] ?? ''], maxAgeMs: 0 });
const service = \`web-\${process.pid}\`;
const ids = (instances: readonly ServiceInstance[]): string[] => instances.map(({ id }) => id.split('/').at(-1)!);
const named = (id: string) => \`\${service}/\${id}\`;

await naming.register({ id: named('a'), name: service, address: '10.0.0.5', port: 80, tags: ['gate'] });
while ((await naming.find(service, 'gate')).length === 0) await delay(50);
const followed = new Promise<InstanceDiff>((resolve, reject) => {
  naming.subscribe(service, (_instances, diff) => resolve(diff)).then(
    () => naming.register({ id: named('b'), name: service, address: '10.0.0.6', port: 80 }).catch(reject),
    reject,
  );
});
const { added } = await followed;
await naming.unsubscribe(service);
const pool = await Pool.open(naming, service);
const members = ids(pool.members);
const chosen: string | undefined = consistentHash(pool.adults, 'key')?.id;
await pool[Symbol.asyncDispose]();
for (const id of ['a', 'b']) await naming.deregister(named(id));
const code: string = await naming.deregister('nobody').then(
  () => 'none',
  (error: unknown) => (error instanceof NamingError ? error.code : String(error)),
);
await naming.close();
console.log(JSON.stringify({ added: ids(added), members, chosen: chosen !== undefined, code }));
`;

const expected = { added: ['b'], members: ['a', 'b'], chosen: true, code: 'not-found' };

let directory: string;
let consul: Consul;
/** One project with kube-registrar-naming alone, and one with kube-registrar. */
let consumer: string;
let whole: string;

before(async () => {
  if (skip) return;
  directory = await dataDir('packages');
  consul = await startConsul();
  const clone = cleanCopy(join(directory, 'clone'));
  await run('npm', ['pack', '--pack-destination', directory], { cwd: clone });
  await run('npm', ['run', 'pack:naming', '--', '--pack-destination', directory], { cwd: clone });
  consumer = await project('kube-registrar-naming');
  whole = await project('kube-registrar');
});

after(async () => {
  if (skip) return;
  await consul?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** The files that belong to the checkout, and the packages that `npm ci` installs. */
function cleanCopy(into: string): string {
  const listed = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  for (const file of execFileSync('git', listed, { cwd: root, encoding: 'utf8' }).split('\0')) {
    if (file === '' || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(into, file)), { recursive: true });
    cpSync(join(root, file), join(into, file));
  }
  symlinkSync(join(root, 'node_modules'), join(into, 'node_modules'));
  return into;
}

/** An empty project with the packed package of this name. */
async function project(name: string): Promise<string> {
  const path = join(directory, `with-${name}`);
  mkdirSync(path);
  await writeFile(join(path, 'package.json'), '{ "private": true, "type": "module" }\n');
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', ...quiet, join(directory, `${name}-${version}.tgz`)], { cwd: path });
  return path;
}

const filesIn = (path: string): string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(join(path, file)).isFile(),
  );

const megabytes = (path: string): number =>
  filesIn(path).reduce((sum, file) => sum + statSync(join(path, file)).size, 0) / 1e6;

/** Runs a file of a project to its end; resolves with what it printed. */
async function runFile(binary: string, path: string, file: string, ...args: string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], CONSUL_HTTP_ADDR: consul.url };
  const { stdout, stderr } = await run(binary, [file, ...args], { cwd: path, env, timeout: 60_000 });
  assert.equal(stderr, '');
  return stdout;
}

/** Compiles a file of a project as strictly as can be, declarations of packages included. */
async function compile(path: string, file: string, ...options: readonly string[]): Promise<void> {
  const strict = [
    '--strict',
    '--target',
    'es2022',
    '--lib',
    'es2023,esnext.disposable',
    '--skipLibCheck',
    'false',
  ];
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  await run(tsc, ['--ignoreConfig', ...strict, ...types, ...options, file], { cwd: path }).catch(
    ({ stdout }: { stdout: string }) => assert.fail(stdout),
  );
}

suite('packed in a clean copy of the checkout', { skip }, () => {
  for (const name of ['kube-registrar-naming', 'kube-registrar']) {
    test(`${name} holds what it exports, its licence and its README, and nothing else`, () => {
      const path = join(name === 'kube-registrar' ? whole : consumer, 'node_modules', name);
      const packed = readPackage(path);
      assert.deepEqual([packed.version, packed.license], [version, license]);
      for (const [dependency, range] of Object.entries(packed.dependencies))
        assert.equal(range, dependencies[dependency], dependency);
      const files = filesIn(path).filter((file) => !file.startsWith('node_modules/'));
      const code = files.filter((file) => /^dist\/.+\.(js|js\.map|d\.ts)$/.test(file));
      const others = files.filter((file) => !code.includes(file));
      assert.deepEqual(others.sort(), ['LICENSE', 'README.md', 'package.json']);
      assert.deepEqual(
        code.filter((file) => /\.test\.|^dist\/image/.test(file)),
        [],
      );
      for (const { types, default: module } of Object.values(packed.exports)) {
        for (const file of [types, module]) assert.ok(code.includes(file.replace('./', '')), file);
      }
      for (const file of code.filter((file) => file.endsWith('.js'))) {
        const map = JSON.parse(readFileSync(join(path, `${file}.map`), 'utf8'));
        assert.ok(map.sourcesContent?.[0], `${file}.map holds the source`);
      }
    });
  }

  test('kube-registrar-naming brings no Kubernetes client', (t) => {
    const installed = readdirSync(join(consumer, 'node_modules')).filter((name) => !name.startsWith('.'));
    const size = megabytes(join(consumer, 'node_modules'));
    t.diagnostic(`${size.toFixed(1)} MB: ${installed.join(', ')}`);
    t.diagnostic(`kube-registrar: ${megabytes(join(whole, 'node_modules')).toFixed(1)} MB`);
    assert.ok(!installed.includes('@kubernetes'));
    assert.ok(size < 10, `${size} MB`);
  });
});

for (const major of ['22', '24']) {
  const binary = major === '22' ? node.old : node.current;
  suite(`kube-registrar-naming on Node ${major}`, { skip }, () => {
    test('registers, finds and follows from JavaScript', async () => {
      await writeFile(join(consumer, 'use.js'), stripTypeScriptTypes(program('kube-registrar-naming')));
      assert.deepEqual(JSON.parse(await runFile(binary, consumer, 'use.js')), expected);
    });

    test('is taken by require(), too', async () => {
      await writeFile(
        join(consumer, 'use.cjs'),
        "console.log(typeof require('kube-registrar-naming').ConsulNaming)",
      );
      assert.equal(await runFile(binary, consumer, 'use.cjs'), 'function\n');
    });

    for (const [how, options] of Object.entries({
      'as Node resolves modules': ['--module', 'nodenext'],
      'as bundlers resolve them': ['--module', 'esnext', '--moduleResolution', 'bundler'],
    })) {
      test(`registers, finds and follows from TypeScript ${how}`, async () => {
        await writeFile(join(consumer, 'typed.ts'), program('kube-registrar-naming'));
        await compile(consumer, 'typed.ts', ...options);
        assert.deepEqual(JSON.parse(await runFile(binary, consumer, 'typed.js')), expected);
      });
    }

    test('has types that refuse what is wrong', async () => {
      const wrong = "import { MemoryNaming } from 'kube-registrar-naming';\nnew MemoryNaming().find(1);\n";
      await writeFile(join(consumer, 'wrong.ts'), wrong);
      await assert.rejects(compile(consumer, 'wrong.ts', '--module', 'nodenext'), /wrong\.ts\(2,25\): error/);
    });

    test('does what its README shows', async () => {
      const text = readFileSync(join(consumer, 'node_modules/kube-registrar-naming/README.md'), 'utf8');
      const example = /```ts\n(.*?)```/s.exec(text)?.[1];
      assert.ok(example);
      await writeFile(join(consumer, 'readme.ts'), example);
      await compile(consumer, 'readme.ts', '--module', 'nodenext');
      await runFile(binary, consumer, 'readme.js');
      assert.equal((await consul.api.get<object[]>('/v1/health/service/web')).length, 1);
      await consul.api.put('/v1/agent/service/deregister/web_1');
    });
  });
}

suite('kube-registrar', { skip }, () => {
  test('has the same library at kube-registrar/naming, from JavaScript and TypeScript', async () => {
    const source = program('kube-registrar/naming');
    await writeFile(join(whole, 'use.js'), stripTypeScriptTypes(source));
    assert.deepEqual(JSON.parse(await runFile(node.current, whole, 'use.js')), expected);
    await writeFile(join(whole, 'typed.ts'), source);
    await compile(whole, 'typed.ts', '--module', 'nodenext');
    assert.deepEqual(JSON.parse(await runFile(node.current, whole, 'typed.js')), expected);
  });

  test('runs its commands on Node 24', async () => {
    for (const name of ['kube-registrar', 'kubectl-registrar']) {
      const printed = await runFile(node.current, whole, join('node_modules/.bin', name), '--version');
      assert.match(printed, new RegExp(`^${version.replaceAll('.', '\\.')}\\n`));
    }
  });

  test('says on Node 22 which Node it needs', async () => {
    await assert.rejects(run(node.old, ['node_modules/.bin/kube-registrar', 'run'], { cwd: whole }), {
      code: 1,
      stderr: /^error: kube-registrar needs Node 24 or later; this is v22\.\S+\n$/,
    });
  });
});
