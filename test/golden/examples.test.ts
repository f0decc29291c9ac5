/** manifests/examples: right in all of their annotations, and together every annotation there is. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { annotations } from '../../src/desired/annotations.ts';

const root = path.resolve(import.meta.dirname, '../..');
const directory = path.join(root, 'manifests/examples');
const files = readdirSync(directory).map((name) => path.join(directory, name));

describe('the examples', () => {
  test('pass kube-registrar validate', async () => {
    await promisify(execFile)(process.execPath, [path.join(root, 'src/main.ts'), 'validate', ...files]);
  });

  test('show every annotation', () => {
    const text = files.map((file) => readFileSync(file, 'utf8')).join('');
    const missing = Object.keys(annotations).filter(
      (name) => !text.includes(`kube-registrar.io/${name.endsWith('<key>') ? name.slice(0, -5) : `${name}:`}`),
    );
    assert.deepEqual(missing, []);
  });
});
