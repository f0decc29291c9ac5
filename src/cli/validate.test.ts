import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createClaims } from '../desired/claims.ts';
import { checkManifest } from './check-manifest.ts';
import { readManifests } from './manifests.ts';
import { runProgram } from './program.ts';

async function validate(text: string, argv: readonly string[] = ['-']) {
  let [stdout, stderr] = ['', ''];
  const exitCode = await runProgram({
    argv: ['validate', ...argv],
    environment: {},
    stdin: {
      async *[Symbol.asyncIterator]() {
        yield text.slice(0, 7);
        yield Buffer.from(text.slice(7));
      },
    },
    stdout: { write: (more) => (stdout += more) },
    stderr: { write: (more) => (stderr += more) },
    signal: new AbortController().signal,
    operator: () => Promise.reject(new Error('not here')),
  });
  return { exitCode, lines: stdout.split('\n').slice(0, -1), stderr };
}

const template = (kind: string, open: string) => `kind: ${kind}
metadata: { name: web }
spec: ${open}{ template: {
  metadata: { annotations: { kube-registrar.io/service: web,
    kube-registrar.io/port: htp } },
  spec: { containers: [{ name: main, ports: [{ name: http, containerPort: 8080 }] }] } } }${open === '' ? '' : '} }'}
`;

describe('kube-registrar validate', () => {
  test('finds mistakes in pods and in every kind of pod template, each with its place', async () => {
    const kinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'ReplicationController'];
    for (const kind of kinds) {
      const { exitCode, lines } = await validate(template(kind, ''));
      assert.deepEqual(lines, [
        `<stdin>:5:5: ${kind}/web: port: port "htp" is not a container port; did you mean "http"?`,
      ]);
      assert.equal(exitCode, 1);
    }
    const { lines } = await validate(template('CronJob', '{ jobTemplate: { spec: '));
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^<stdin>:5:5: CronJob\/web: port: /);
  });

  test('reads several documents, Lists, and Services with their ports', async () => {
    const { exitCode, lines } = await validate(`kind: ConfigMap
metadata: { name: other }
---
kind: List
items:
- kind: Service
  metadata:
    name: search
    annotations:
      kube-registrar.io/service: "true"
      kube-registrar.io/port: web
      kube-registrar.io/tags: "{pod.label.version},{pod.name},{node.zone}"
  spec: { ports: [{ name: api, port: 80 }] }
- kind: Pod
  metadata:
    name: p
    annotations:
      kube-registrar.io/services: |
        - { service: a, port: 1 }
        - { service: b_c, port: 2 }
  spec: { containers: [] }
---
{"kind": "Pod", "metadata": {"name": "json", "annotations": {"kube-registrar.io/service": "a b"}}}
`);
    assert.deepEqual(lines, [
      '<stdin>:11:7: Service/search: port: port "web" is not a port of the Service; the Service has "api" (80)',
      '<stdin>:18:7: Pod/p: services[1].service: service "b_c" is not usable in DNS (letters, digits and hyphens, at most 63); did you mean "b-c"?',
      '<stdin>:23:62: Pod/json: service: service "a b" is not usable in DNS (letters, digits and hyphens, at most 63); did you mean "a-b"?',
    ]);
    assert.equal(exitCode, 1);
  });

  test('knows reserved names and what may be probed', async () => {
    const { exitCode, lines } = await validate(
      'kind: Pod\nmetadata:\n  name: p\n  annotations:\n    kube-registrar.io/service: Consul\n    kube-registrar.io/port: "80"\n' +
        '    kube-registrar.io/check-http: http://169.254.169.254/latest\n' +
        '---\nkind: Service\nmetadata:\n  name: s\n  annotations:\n    kube-registrar.io/service: "true"\n' +
        '    kube-registrar.io/check-tcp: db.example:5432\n    kube-registrar.io/check-grpc: "9000"\n' +
        '    kube-registrar.io/address: host\nspec: { ports: [{ port: 80 }] }\n',
    );
    assert.deepEqual(
      lines.map((line) => line.slice(0, 100)),
      [
        '<stdin>:7:5: Pod/p: check-http: check-http "169.254.169.254" is a link-local address, where metadata',
        '<stdin>:14:5: Service/s: check-tcp: check-tcp "db.example" is not the address of the instance; write',
      ],
    );
    assert.equal(exitCode, 1);
    const named = await validate(
      'kind: Pod\nmetadata:\n  name: p\n  annotations:\n    kube-registrar.io/service: Consul\n    kube-registrar.io/port: "80"\n',
    );
    assert.match(named.lines.join(), /service "Consul" is a reserved name/);
  });

  test('warnings alone are no failure', async () => {
    const { exitCode, lines, stderr } = await validate(
      'kind: Pod\nmetadata:\n  name: p\n  annotations:\n    kube-registrar.io/service: a\n    kube-registrar.io/port: "80"\n    kube-registrar.io/wieght: "3"\n',
    );
    assert.deepEqual(lines, [
      '<stdin>:7:5: Pod/p: warning: wieght: unknown annotation "wieght" is ignored; did you mean "weight"?',
    ]);
    assert.equal(exitCode, 0);
    assert.equal(stderr, '1 object with annotations kube-registrar.io/…: 0 mistakes, 1 warning\n');
  });

  test('a value that Kubernetes would refuse, a broken document, a misshapen object are reported', async () => {
    const { lines } = await validate(
      'kind: Pod\nmetadata: { name: a, annotations: { kube-registrar.io/port: 80 } }\n---\nkind: Pod\nmetadata: { name: b, annotations: { kube-registrar.io/service: b } }\nspec: { containers: 5 }\n---\nx: [\n',
    );
    assert.equal(lines.length, 3);
    assert.match(lines[0]!, /^<stdin>:8:\d+: YAML syntax: |^<stdin>:9:1: YAML syntax: /);
    assert.equal(lines[1], '<stdin>:2:37: Pod/a: port: Kubernetes takes text only; put the value in quotes');
    assert.match(lines[2]!, /^<stdin>:4:1: Pod\/b: cannot be read as what Kubernetes calls a Pod/);
  });

  test('no name or text in a manifest can forge a line, steer the terminal or turn the text around', async () => {
    const name = 'x\n::error file=a.yaml::forged\r\u001b[2J\u009b\u202e\u2028';
    const metadata = {
      name,
      annotations: { 'kube-registrar.io/port': name, 'kube-registrar.io/service': 'a' },
    };
    const { lines, exitCode } = await validate(JSON.stringify({ kind: 'Pod', metadata }));
    assert.equal(exitCode, 1);
    assert.equal(lines.length, 1);
    assert.match(
      lines[0]!,
      /^<stdin>:1:\d+: Pod\/x\\u000a::error file=a\.yaml::forged\\u000d\\u001b\[2J\\u009b\\u202e\\u2028: port: /,
    );
    assert.ok(!/[\p{Cc}\u202e\u2028]/u.test(lines[0]!));
  });

  test('nor can the name of a file', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'validate-'));
    const before = process.cwd();
    try {
      process.chdir(directory);
      const file = '::error ::forged\u001b.yaml';
      await writeFile(file, 'kind: [');
      const { lines, stderr } = await validate('', [file, '::error ::missing\n.yaml']);
      assert.deepEqual(lines.length, 1);
      assert.match(lines[0]!, /^\.\/::error ::forged\\u001b\.yaml:1:\d+: YAML syntax: /);
      for (const line of stderr.split('\n').slice(0, -1)) assert.match(line, /^kube-registrar: /);
    } finally {
      process.chdir(before);
      await rm(directory, { recursive: true });
    }
  });

  test('repeated keys are reported, quickly among thousands', async () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => `    k${index}: x\n`).join('');
    const { lines } = await validate(`kind: Pod\nmetadata:\n  annotations:\n${keys}    k7: y\n`);
    assert.deepEqual(lines, ['<stdin>:5004:5: YAML syntax: Map keys must be unique']);
  });

  test('a file that is not there is an error', async () => {
    const { exitCode, stderr } = await validate('', ['/nowhere/x.yaml']);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^kube-registrar: \/nowhere\/x\.yaml: cannot be read: /);
  });

  test('the examples that come with it are right', async () => {
    const directory = path.join(import.meta.dirname, '../../manifests/examples');
    const files = (await readdir(directory)).map((file) => path.join(directory, file));
    const { exitCode, lines, stderr } = await validate('', files);
    assert.deepEqual([exitCode, lines], [0, []]);
    assert.match(stderr, /^[1-9]/);
  });
});

describe('checkManifest()', () => {
  const options = {
    prefix: 'kube-registrar.io/',
    claims: createClaims([{ namespaces: ['pay'], services: ['web'] }]),
  };

  test('knows the claims', () => {
    const { manifests } = readManifests(
      'kind: Pod\nmetadata: { name: p, namespace: shop, annotations: { kube-registrar.io/service: web, kube-registrar.io/port: "80" } }\n',
    );
    const [mistake] = checkManifest(manifests[0]!, options);
    assert.match(mistake!.message, /service "web" is claimed by namespace "pay"/);
  });

  test('never throws, whatever the text', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'kind: Pod\n',
        'metadata:\n',
        '  annotations:\n',
        '    kube-registrar.io/service: a\n',
        'spec:\n',
        '  containers:\n',
        '  - ports: 3\n',
        '---\n',
        '- ',
        '{',
        '&a ',
        '*a\n',
        'items: [',
        'kind: List\n',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        for (const manifest of readManifests(pieces.join('')).manifests) checkManifest(manifest, options);
      }),
    );
  });
});
