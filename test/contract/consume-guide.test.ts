import assert from 'node:assert/strict';
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parseDocument } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { guideFile, guideFiles } from '../support/guide.ts';
import { runCommand, startProgram } from '../support/real/command.ts';

const page = 'consume.md';

describe('the files of docs/consume.md', () => {
  test('are all known to a test', () => {
    assert.deepEqual(
      guideFiles(page)
        .map(({ name }) => name)
        .sort(),
      [
        'consul-dns.json',
        'follow.ts',
        'haproxy.cfg',
        'nginx.conf',
        'prometheus.yml',
        'traefik-pod.yaml',
        'web-query.json',
        'zone-query.json',
      ],
    );
  });

  test('and what is not run is at least YAML', async () => {
    const text = await readFile(path.join(import.meta.dirname, '../../docs', page), 'utf8');
    const fences = [...text.matchAll(/(?<!-->\n)^```yaml\n(.*?)^```$/gms)];
    assert.equal(fences.length, 2, 'Envoy and Traefik');
    for (const [, fence = ''] of fences) assert.deepEqual(parseDocument(fence).errors, []);
  });

  test('the pod for Traefik passes validate', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'kube-registrar-guide-'));
    const file = path.join(directory.path, 'pod.yaml');
    await writeFile(file, guideFile(page, 'traefik-pod.yaml'));
    const { code, stdout, stderr } = await runCommand(['validate', file], {});
    assert.match(stdout, /not usable in DNS/);
    assert.match(stderr, /: 0 mistakes, 1 warning\n$/);
    assert.equal(code, 0);
  });
});

/** What a Consul answers, one after the other; the last for ever. */
type Answer = { readonly index: number; readonly ports: readonly number[]; readonly status?: number };

/** Runs follow.ts against a Consul that answers so, until it has printed that many lines. */
async function follow(answers: readonly Answer[], count: number) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(new URL(request.url ?? '', 'http://consul').searchParams.get('index') ?? '');
    const { index, ports, status = 200 } = answers[Math.min(asked.length, answers.length) - 1]!;
    // Beyond the last answer the query blocks.
    if (asked.length > answers.length) return;
    response.writeHead(status, { 'x-consul-index': index });
    response.end(JSON.stringify(ports.map((Port) => ({ Service: { Address: '10.0.0.1', Port } }))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'kube-registrar-guide-'));
  const program = path.join(directory.path, 'follow.ts');
  await writeFile(program, guideFile(page, 'follow.ts'));
  const { port } = server.address() as AddressInfo;
  await using running = startProgram([program], { CONSUL_HTTP_ADDR: `http://127.0.0.1:${port}` });
  const lines = () => running.stdout().split('\n').slice(0, -1);
  try {
    await eventually(() => lines().length >= count && asked.length > answers.length, { timeoutMs: 60_000 });
    return { asked, lines: lines() };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('the program of docs/consume.md', () => {
  test('blocks on the last index, prints what has changed and nothing else', async () => {
    const answers = [
      { index: 0, ports: [80] },
      { index: 5, ports: [80] },
      { index: 6, ports: [80, 81] },
    ];
    const { asked, lines } = await follow(answers, 2);
    assert.deepEqual(asked, ['0', '1', '5', '6']);
    assert.deepEqual(lines, ['web: 10.0.0.1:80', 'web: 10.0.0.1:80 10.0.0.1:81']);
  });

  test('begins anew when the index goes backwards', async () => {
    const answers = [
      { index: 10, ports: [80] },
      { index: 3, ports: [81] },
      { index: 4, ports: [82] },
    ];
    const { asked, lines } = await follow(answers, 2);
    assert.deepEqual(asked, ['0', '10', '0', '4']);
    assert.deepEqual(lines, ['web: 10.0.0.1:80', 'web: 10.0.0.1:82']);
  });

  test('believes in nobody only when a query that does not block says so', async () => {
    const answers = [
      { index: 10, ports: [80] },
      { index: 11, ports: [] },
      { index: 11, ports: [80] },
      { index: 12, ports: [] },
      { index: 12, ports: [] },
    ];
    const { asked, lines } = await follow(answers, 2);
    assert.deepEqual(asked, ['0', '10', '0', '11', '0', '12']);
    assert.deepEqual(lines, ['web: 10.0.0.1:80', 'web: nobody']);
  });

  test('keeps the last list through an error, and begins anew', async () => {
    const answers = [
      { index: 10, ports: [80] },
      { index: 0, ports: [], status: 500 },
      { index: 11, ports: [81] },
    ];
    const { asked, lines } = await follow(answers, 2);
    assert.deepEqual(asked, ['0', '10', '0', '11']);
    assert.deepEqual(lines, ['web: 10.0.0.1:80', 'web: 10.0.0.1:81']);
  });
});
