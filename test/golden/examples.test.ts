/** manifests/examples: right in all of their annotations, and together every annotation there is. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { annotations } from '../../src/desired/annotations.ts';
import { routeKinds } from '../../src/model/route.ts';
import { validateWith } from '../support/run-validate.ts';

const root = path.resolve(import.meta.dirname, '../..');
const directory = path.join(root, 'manifests/examples');
const files = readdirSync(directory).map((name) => path.join(directory, name));

describe('the examples', () => {
  test('pass kube-registrar validate', async () => {
    await promisify(execFile)(process.execPath, [path.join(root, 'src/main.ts'), 'validate', ...files]);
  });

  test('have one for each kind of object that may be annotated', () => {
    const shown = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind),
    );
    const kinds = ['Deployment', 'Service', 'Namespace', ...routeKinds];
    assert.deepEqual(
      kinds.filter((kind) => !shown.includes(kind)),
      [],
    );
  });

  test('in the documents pass as well', async () => {
    const documents = ['README.md', ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)];
    const config = { sync: { namespaceAnnotations: ['*'] } };
    let checked = 0;
    for (const document of documents.filter((name) => name.endsWith('.md'))) {
      const text = readFileSync(path.join(root, document), 'utf8');
      for (const [, block = ''] of text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)) {
        if (!/^kind:/m.test(block) || !block.includes('kube-registrar.io/')) continue;
        checked += 1;
        const { exitCode, lines } = await validateWith(config, block);
        assert.equal(exitCode, 0, `${document}: ${lines.join()}`);
      }
    }
    assert.ok(checked >= 3, `${checked} manifests`);
  });

  test('show every annotation', () => {
    const text = files.map((file) => readFileSync(file, 'utf8')).join('');
    const missing = Object.keys(annotations).filter(
      (name) => !text.includes(`kube-registrar.io/${name.endsWith('<key>') ? name.slice(0, -5) : `${name}:`}`),
    );
    assert.deepEqual(missing, []);
  });
});
