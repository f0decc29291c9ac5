/** What of the image can be held together without building it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundle } from '../../image/bundle.ts';
import { entrypoint, imageEnv } from '../support/real/image.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');
const dockerfile = read('Dockerfile');
const packageJson = JSON.parse(read('package.json')) as {
  readonly version: string;
  readonly homepage: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

describe('the image', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'kube-registrar-bundle-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('runs the Node the tests run', () => {
    const [, version] = /^ARG NODE_IMAGE=node:([\d.]+)-/m.exec(dockerfile)!;
    assert.equal(version, packageJson.devDependencies['node']);
  });

  test('has its bases pinned by tag and digest, in one place', () => {
    const bases = [...dockerfile.matchAll(/^ARG \w+_IMAGE=(.*)$/gm)].map(([, image]) => image!);
    assert.equal(bases.length, 2);
    for (const base of bases) assert.match(base, /^[^@]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
    const stages = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    assert.deepEqual(stages, ['${NODE_IMAGE}', '${BASE_IMAGE}']);
    // Node is linked against the C library of its own base.
    assert.match(bases[0]!, /-bookworm-/);
    assert.match(bases[1]!, /-debian12:/);
  });

  test('is labelled with the version and the home of the program', () => {
    assert.match(dockerfile, new RegExp(`^ARG VERSION=${packageJson.version}$`, 'm'));
    assert.match(dockerfile, new RegExp(`^ARG HOME_URL=${packageJson.homepage}$`, 'm'));
    const labels = [...dockerfile.matchAll(/org\.opencontainers\.image\.([\w.]+)=/g)].map(([, label]) => label);
    for (const label of ['title', 'source', 'version', 'revision', 'licenses', 'base.name']) {
      assert.ok(labels.includes(label), label);
    }
  });

  test('is started by the paths and the user the chart knows', () => {
    const [, entrypointLine] = /^ENTRYPOINT (.*)$/m.exec(dockerfile)!;
    assert.deepEqual(JSON.parse(entrypointLine!), entrypoint);
    for (const [name, value] of Object.entries(imageEnv)) {
      assert.match(dockerfile, new RegExp(`^(?:ENV|   ) ${name}=${value}(?: \\\\)?$`, 'm'));
    }
    assert.match(read('helm/kube-registrar/templates/tests/test.yaml'), /\["node", "\/app\/main\.js"\]/);
    assert.match(dockerfile, /^USER 65532:65532$/m);
    assert.match(read('helm/kube-registrar/values.yaml'), /runAsUser: 65532/);
  });

  test('copies nothing into the build that .dockerignore keeps out', () => {
    const kept = [...read('.dockerignore').matchAll(/^!(.*)$/gm)].map(([, name]) => name!);
    const build = dockerfile.slice(0, dockerfile.lastIndexOf('\nFROM '));
    const copied = [...build.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) => names!.split(' '));
    assert.deepEqual(copied.sort(), kept.sort());
  });

  test('is the same, byte for byte, from the same sources, and lists what went into it', async () => {
    const [one, two] = ['one', 'two'].map((name) => path.join(directory, name));
    await bundle(one!);
    await bundle(two!);
    const files = contents(one!);
    assert.deepEqual(contents(two!), files);
    assert.ok(Object.keys(files).some((name) => name.startsWith('chunks/')));
    assert.match(files['kube-registrar']!, /^755 #!\/usr\/local\/bin\/node --max-semi-space-size=1\n/);
    assert.match(dockerfile, /PATH=.*:\/app$/m);
    assertComplete(files['sbom.cdx.json']!.slice('644 '.length));
  });

  test('is made without the demo and its servers, and says so when asked for it', async () => {
    const target = path.join(directory, 'demo');
    const used = await bundle(target);
    assert.ok(used.includes('src/cli/program.ts'));
    assert.deepEqual(
      used.filter((file) => /^src\/(sandbox|cli\/demo)\//.test(file)),
      [],
    );
    const run = (...argv: readonly string[]) =>
      spawnSync(process.execPath, [path.join(target, 'main.js'), ...argv], { encoding: 'utf8' });
    for (const argv of [['demo'], ['demo', '--help'], ['sandbox', '--once', '--output', 'json']]) {
      const { status, stdout, stderr } = run(...argv);
      assert.deepEqual([status, stdout], [1, ''], argv.join(' '));
      assert.match(stderr, /^error: the demo is not in the image; .*npm run demo"\n$/);
    }
    const { status, stdout } = run('--help');
    assert.equal(status, 0);
    assert.doesNotMatch(stdout, /demo|sandbox/);
  });
});

/** Node and every production dependency are in the list, and nothing that only development needs. */
function assertComplete(sbom: string): void {
  const { components } = JSON.parse(sbom) as { components: { name: string; version: string }[] };
  const names = components.map(({ name, version }) => `${name}@${version}`);
  for (const [name, version] of Object.entries(packageJson.dependencies)) {
    assert.ok(names.includes(`${name}@${version}`), `${name} is missing`);
  }
  for (const [name, version] of Object.entries(packageJson.devDependencies)) {
    assert.equal(names.includes(`${name}@${version}`), name === 'node', name);
  }
}

/** Mode and text of every file, by its path. */
function contents(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    files.flatMap((name) => {
      const file = path.join(directory, name);
      const stats = statSync(file);
      if (stats.isDirectory()) return [];
      return [[name, `${(stats.mode & 0o777).toString(8)} ${readFileSync(file, 'utf8')}`]];
    }),
  );
}
