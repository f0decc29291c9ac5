import assert from 'node:assert/strict';
import { mkdir, mkdtemp, mkdtempDisposable, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { validate } from '../../../test/support/run-validate.ts';
import { createClaims } from '../../desired/claims.ts';
import { checkManifest } from './check-manifest.ts';
import { readManifests } from './manifests.ts';

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
        '<stdin>:5:5: Pod/p: service: service "Consul" is a reserved name; use another one, or have a claim f',
        '<stdin>:7:5: Pod/p: check-http: check-http "169.254.169.254" is a link-local address, where metadata',
        '<stdin>:14:5: Service/s: check-tcp: check-tcp "db.example" is not the address of the instance; write',
      ],
    );
    assert.equal(exitCode, 1);
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
    assert.equal(lines.length, 4);
    assert.equal(
      lines[0],
      '<stdin>:2:37: Pod/a: port: Kubernetes only accepts strings; put the value in quotes',
    );
    assert.match(lines[1]!, /^<stdin>:2:37: Pod\/a: warning: port: "port" has no effect without "service"/);
    assert.match(lines[2]!, /^<stdin>:4:1: Pod\/b: does not have the form of a Kubernetes Pod/);
    assert.match(lines[3]!, /^<stdin>:9:1: YAML syntax: /);
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
      for (const line of stderr.split('\n').slice(0, -1)) assert.match(line, /^error: /);
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

  test('annotations on the workload itself, in labels, or on a wrong level are misplaced', async () => {
    const { exitCode, lines } = await validate(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    kube-registrar.io/service: web
    kube-registrar.io/port: http
spec:
  selector: { matchLabels: { kube-registrar.io/enabled: "true" } }
  template:
    annotations: { kube-registrar.io/tags: a }
    metadata:
      labels: { kube-registrar.io/enabled: "true", kube-registrar.io/weight: "2" }
      annotations:
        kube-registrar.io/port: http
    spec: { containers: [{ name: main, ports: [{ name: http, containerPort: 8080 }] }] }
`);
    const moved = 'where it has no effect; move it to spec.template.metadata.annotations';
    assert.deepEqual(lines, [
      `<stdin>:6:5: Deployment/web: service: is in metadata.annotations of the Deployment, ${moved}`,
      '<stdin>:7:5: Deployment/web: warning: port: is in metadata.annotations of the Deployment, where it has no effect; remove it: spec.template.metadata.annotations has it',
      `<stdin>:11:20: Deployment/web: tags: is in spec.template.annotations of the Deployment, ${moved}`,
      `<stdin>:13:52: Deployment/web: weight: is in spec.template.metadata.labels of the Deployment, ${moved}`,
      '<stdin>:15:9: Deployment/web: warning: port: "port" has no effect without "service"; add it, or put the annotations on the same object',
    ]);
    assert.equal(exitCode, 1);
  });

  test('a prefix that is nearly right is a mistake; that of others is not', async () => {
    const written = (prefix: string) =>
      validate(`kind: Pod\nmetadata: { name: p, annotations: { ${prefix}/port: http } }\nspec: {}\n`);
    for (const prefix of [
      'kuberegistrar.io',
      'kube-registar.io',
      'Kube-Registrar.io',
      'kube-registrar.com',
      'kube-registrar',
    ]) {
      const { lines, exitCode } = await written(prefix);
      assert.deepEqual(lines, [
        `<stdin>:2:37: Pod/p: port: the prefix of "${prefix}/port" is not the operator's; did you mean "kube-registrar.io/port"?`,
      ]);
      assert.equal(exitCode, 1);
    }
    for (const prefix of ['prometheus.io', 'consul.hashicorp.com', 'kube-register.example']) {
      assert.deepEqual((await written(prefix)).lines, []);
    }
  });

  test('finds the pod templates of other kinds by their containers', async () => {
    const template = (name: string) =>
      `{ metadata: { annotations: { kube-registrar.io/service: ${name} } }, spec: { containers: [{ ports: [{ containerPort: 8080 }] }] } }`;
    const { lines } = await validate(`apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: { name: r }
spec: { template: ${template('a b')} }
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: { name: k }
spec: { template: ${template('c d')} }
---
apiVersion: apps.kruise.io/v1alpha1
kind: AdvancedCronJob
metadata: { name: c }
spec: { template: { jobTemplate: { spec: { template: ${template('e f')} } } } }
---
apiVersion: example.com/v1
kind: Pool
metadata: { name: p }
spec:
  service: { annotations: { kube-registrar.io/service: "of the Service that is made from it" } }
  groups:
  - template: ${template('"g"')}
  - template: ${template('h i')}
`);
    assert.deepEqual(
      lines.map((line) => line.split(': service "')[0]),
      [
        '<stdin>:4:48: Rollout/r: service',
        '<stdin>:9:48: Service/k: service',
        '<stdin>:14:83: AdvancedCronJob/c: service',
        '<stdin>:23:44: Pool/p: service',
      ],
    );
  });

  test('follows aliases and merge keys as Kubernetes does, and names the place that is written', async () => {
    const { lines } = await validate(`kind: Deployment
metadata: { name: web }
common: &common
  kube-registrar.io/service: web
  kube-registrar.io/port: http
  kube-registrar.io/weight: none
spec:
  template: &template
    metadata:
      annotations:
        <<: [*common, { kube-registrar.io/meta.at: 1:30 }]
        kube-registrar.io/port: htp
        kube-registrar.io/warmup: off
    spec: &spec
      containers:
      - ports: [{ name: http, containerPort: 8080 }]
copy:
  template: { <<: *template, spec: *spec }
`);
    assert.deepEqual(lines, [
      '<stdin>:6:3: Deployment/web: weight: weight "none" is not a whole number from 1 to 65535',
      '<stdin>:12:9: Deployment/web: port: port "htp" is not a container port; did you mean "http"?',
      '<stdin>:13:9: Deployment/web: warmup: Kubernetes only accepts strings; put the value in quotes',
      '<stdin>:13:9: Deployment/web: warmup: warmup "false" is not a duration; write it like 500ms, 10s or 1m30s',
    ]);
  });

  test('aliases and merges that grow without end are refused at once, as is what is too long or too deep', async () => {
    const grown = (item: (last: string) => string, rest: string) =>
      `kind: Pod\nmetadata: { annotations: { kube-registrar.io/service: a } }\na0: &a0 {x: y}\n${Array.from(
        { length: 60 },
        (_, index) => `a${index + 1}: &a${index + 1} ${item(`*a${index}`)}\n`,
      ).join('')}${rest}`;
    const hostile = [
      grown((last) => `[${last}, ${last}]`, ''),
      grown((last) => `{ <<: [${last}, ${last}] }`, 'spec: { <<: *a60 }\n'),
      'kind: Pod\nmetadata: &m { annotations: { kube-registrar.io/service: a }, again: *m }\n',
      'kind: Pod\nmetadata: &m { <<: *m, annotations: { kube-registrar.io/service: a } }\n',
    ];
    for (const text of hostile) {
      const { lines } = await validate(text);
      assert.deepEqual(lines, ['<stdin>:1:1: aliases ("*") expand this document too much; simplify it']);
    }
    const deep = await validate(`x: ${'['.repeat(50_000)}`);
    assert.match(deep.lines[0]!, /: YAML syntax: nested too deep$/);
    const long = await validate(`kind: Pod\n---\nx: ${'a'.repeat(4 * 1024 * 1024)}`);
    assert.match(long.lines.join(), /^<stdin>:2:1: the document that begins here is larger than 4 MiB/);
  });

  test('takes files and directories, with -R all below, and shows what it found before a file that is missing', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'validate-'));
    const at = (...names: string[]) => path.join(directory.path, ...names);
    const wrong = 'kind: Pod\nmetadata: { name: p, annotations: { kube-registrar.io/service: a b } }\n';
    await mkdir(at('below'));
    for (const file of ['b.yaml', 'a.json', 'c.txt', 'below/d.yml']) await writeFile(at(file), wrong);
    const files = ({ lines }: { lines: readonly string[] }) => lines.map((line) => line.split(':')[0]);
    assert.deepEqual(files(await validate('', ['-f', directory.path])), [at('a.json'), at('b.yaml')]);
    assert.deepEqual(files(await validate('', ['-R', directory.path])), [
      at('a.json'),
      at('b.yaml'),
      at('below', 'd.yml'),
    ]);
    const partly = await validate('', [at('b.yaml'), '-f', at('missing.yaml')]);
    assert.deepEqual(files(partly), [at('b.yaml')]);
    assert.match(partly.stderr, /missing\.yaml: cannot be read: there is no such file/);
    assert.equal(partly.exitCode, 1);
    assert.match((await validate('', [])).stderr, /^error: validate: specify files or directories/);
  });

  test('writes JSON, commands of GitHub workflows, and SARIF', async () => {
    const text =
      'kind: Pod\nmetadata: { name: "p,1:%", annotations: { kube-registrar.io/service: "a%\\u001b b", kube-registrar.io/zort: x } }\n';
    const { findings } = JSON.parse((await validate(text, ['-o', 'json', '-'])).lines.join('\n'));
    const { message, ...service } = findings[0];
    assert.deepEqual(service, {
      file: '<stdin>',
      line: 2,
      column: 43,
      severity: 'error',
      field: 'service',
      object: { kind: 'Pod', namespace: 'default', name: 'p,1:%' },
    });
    assert.match(message, /^service "a%/);

    const { lines } = await validate(text, ['-o', 'github', '-']);
    assert.match(
      lines[0]!,
      /^::error file=<stdin>,line=2,col=43,title=Pod\/p%2C1%3A%25::service: service "a%25/,
    );
    assert.match(lines[1]!, /^::error file=|^::warning file=/);
    assert.ok(lines.every((line) => !line.includes('\u001b')));

    const { version, runs } = JSON.parse((await validate(text, ['-o', 'sarif', '-'])).lines.join('\n'));
    assert.equal(version, '2.1.0');
    const [{ tool, results }] = runs;
    for (const { ruleId, ruleIndex, locations } of results) {
      assert.equal(tool.driver.rules[ruleIndex].id, ruleId);
      assert.equal(locations[0].physicalLocation.region.startLine, 2);
    }
    assert.ok(results.some(({ ruleId }: { ruleId: string }) => ruleId === 'unknown-annotation'));
  });

  test('a file that is not there is an error', async () => {
    const { exitCode, stderr } = await validate('', ['/nowhere/x.yaml']);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error: \/nowhere\/x\.yaml: cannot be read: /);
  });

  test('the examples that come with it are right', async () => {
    const directory = path.join(import.meta.dirname, '../../../manifests/examples');
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
    const [mistake] = checkManifest(manifests[0]!, options) ?? [];
    assert.match(mistake!.message, /service "web" is claimed by namespace "pay"/);
  });

  test('checks what sync registers without annotations, and the defaults of Namespaces', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'validate-'));
    const config = path.join(directory.path, 'config.yaml');
    await writeFile(
      config,
      'sync: { default: services, namespaces: { exclude: [dev], selector: a }, namespaceAnnotations: [drain] }\n',
    );
    const service = (namespace: string, name: string, annotations = '{}') =>
      `kind: Service\nmetadata: { name: ${name}, namespace: ${namespace}, annotations: ${annotations} }\nspec: { ports: [{ name: a, port: 80 }, { name: b, port: 81 }] }\n`;
    const text = [
      service('shop', 'web'),
      service('shop', 'vault'),
      service('dev', 'own', '{ kube-registrar.io/service: "true", kube-registrar.io/port: a }'),
      service('shop', 'quiet', '{ kube-registrar.io/service: "false" }'),
      'kind: Namespace\nmetadata:\n  name: shop\n  annotations:\n    kube-registrar.io/drain: slowly\n    kube-registrar.io/tags: a\n',
      template('Job', ''),
    ].join('---\n');
    const { lines, stderr } = await validate(text, ['--config', config, '-']);
    assert.deepEqual(lines, [
      `<stdin>:5:1: Service/vault: service: service "vault" is a reserved name; use another one, or have a claim for exactly this name, or reservedNames without it, added to kube-registrar's configuration`,
      '<stdin>:9:1: Service/own: warning: nothing in namespace dev is registered: sync.namespaces in the configuration excludes it',
      '<stdin>:21:5: Namespace/shop: warning: drain: drain "slowly" is not one of "critical", "warning", "deregister"; it is not used as a default',
      `<stdin>:22:5: Namespace/shop: warning: tags: "tags" has no effect on a Namespace: sync.namespaceAnnotations in kube-registrar's configuration does not allow it`,
      '<stdin>:28:5: Job/web: port: port "htp" is not a container port; did you mean "http"?',
    ]);
    assert.match(stderr, /^6 objects/);
  });

  test('reads the annotations and defaults of consul-k8s where the configuration follows them', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'validate-'));
    const config = path.join(directory.path, 'config.yaml');
    await writeFile(config, 'compatibility: { consulK8s: { enabled: true } }\n');
    const text = `kind: Service
metadata:
  name: web
  annotations:
    consul.hashicorp.com/service-tags: a
    consul.hashicorp.com/service-port: "99"
spec: { ports: [{ name: http, port: 80 }] }
---
kind: Service
metadata: { name: plain }
spec: { ports: [{ port: 80 }] }
---
kind: Service
metadata: { name: long, namespace: ${'n'.repeat(63)} }
spec: { ports: [{ port: 80 }] }
`;
    const { lines, stderr } = await validate(text, ['--config', config, '-']);
    assert.equal(lines.length, 2, lines.join('\n'));
    assert.match(
      lines[0]!,
      /^<stdin>:6:5: Service\/web: consul.hashicorp.com\/service-port: service-port "99" is/,
    );
    assert.match(
      lines[1]!,
      /^<stdin>:13:1: Service\/long: consul.hashicorp.com\/service-name: service-name is missing, and/,
    );
    assert.match(stderr, /^3 objects/);
    assert.deepEqual((await validate(text)).lines, []);
  });

  test('reads the variables of containers where the configuration follows registrator', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'validate-'));
    const config = path.join(directory.path, 'config.yaml');
    await writeFile(config, 'compatibility: { registrator: { enabled: true } }\n');
    const text = `kind: Pod
metadata: { name: web }
spec:
  containers:
  - name: main
    env: [{ name: SERVICE_NAME, value: web }, { name: SERVICE_CHECK_TTL, value: 30s }]
    ports: [{ containerPort: 80 }]
---
kind: Pod
metadata: { name: plain }
spec: { containers: [{ name: main, env: [{ name: A, value: b }] }] }
`;
    const { lines, stderr } = await validate(text, ['--config', config, '-']);
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0]!, /^<stdin>:1:1: Pod\/web: .*SERVICE_CHECK_TTL of container main is not used/);
    assert.match(stderr, /^1 object/);
    assert.deepEqual((await validate(text)).lines, []);
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
