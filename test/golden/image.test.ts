/** What of the image can be held together without building it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

const read = (name: string): string => readFileSync(path.resolve(import.meta.dirname, '../..', name), 'utf8');
const dockerfile = read('Dockerfile');
const packageJson = JSON.parse(read('package.json')) as {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
};

describe('the image', () => {
  test('runs the Node the tests run', () => {
    const [, version] = /^ARG NODE_IMAGE=node:([\d.]+)-/m.exec(dockerfile)!;
    assert.equal(version, packageJson.devDependencies['node']);
  });

  test('is labelled with the version of the program', () => {
    assert.match(dockerfile, new RegExp(`^ARG VERSION=${packageJson.version}$`, 'm'));
  });

  test('is started by the paths and the user the chart knows', () => {
    const [, entrypoint] = /^ENTRYPOINT (.*)$/m.exec(dockerfile)!;
    assert.deepEqual(JSON.parse(entrypoint!), ['/usr/local/bin/node', '/app/main.js']);
    assert.match(read('helm/kube-registrar/templates/tests/test.yaml'), /\["node", "\/app\/main\.js"\]/);
    assert.match(dockerfile, /^USER 65532:65532$/m);
    assert.match(read('helm/kube-registrar/templates/_helpers.tpl'), /runAsUser: 65532/);
  });

  test('copies nothing into the build that .dockerignore keeps out', () => {
    const kept = [...read('.dockerignore').matchAll(/^!(.*)$/gm)].map(([, name]) => name!);
    const build = dockerfile.slice(0, dockerfile.lastIndexOf('\nFROM '));
    const copied = [...build.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) => names!.split(' '));
    assert.deepEqual(copied.sort(), kept.sort());
  });
});
