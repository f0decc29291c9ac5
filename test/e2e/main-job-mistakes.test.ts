/** Mistakes in annotations on real servers: they cost their own pod, are told in the log, and nothing else. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readiness } from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';

let stage: Stage;

before(async () => {
  stage = await startStage();
});

after(() => stage?.[Symbol.asyncDispose]());

interface Mistake {
  /** Over the annotations of a good pod; `service` is the name of the service. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly field: string;
  readonly message: RegExp;
}

/** By the name of the service and of its pods. */
const mistakes: Readonly<Record<string, Mistake>> = {
  'service-name': {
    annotations: { service: 'service_name' },
    field: 'service',
    message: /"service_name" is not usable in DNS .*did you mean "service-name"/,
  },
  'service-true': {
    annotations: { service: 'true' },
    field: 'service',
    message: /"true" only works on a Service/,
  },
  'service-empty': { annotations: { service: '' }, field: 'service', message: /is empty/ },
  'port-name': {
    annotations: { port: 'htp' },
    field: 'port',
    message: /port "htp" is not a container port; did you mean "http"\?/,
  },
  'port-range': { annotations: { port: '65536' }, field: 'port', message: /"65536" is not from 1 to 65535/ },
  'port-form': {
    annotations: { port: 'http/tcp' },
    field: 'port',
    message: /neither the name of a port nor a number/,
  },
  'tag-length': {
    annotations: { tags: 't'.repeat(600) },
    field: 'tags',
    message: /is longer than 512 bytes/,
  },
  'tag-control': { annotations: { tags: 'a\u0007b' }, field: 'tags', message: /control character/ },
  'meta-key': {
    annotations: { 'meta.kube-pod': 'x' },
    field: 'meta.kube-pod',
    message: /is set by kube-registrar/,
  },
  'meta-chars': { annotations: { 'meta.a.b': 'x' }, field: 'meta.a.b', message: /did you mean "a_b"/ },
  'meta-value': {
    annotations: { 'meta.big': 'x'.repeat(600) },
    field: 'meta.big',
    message: /600 bytes long; Consul allows at most 512/,
  },
  'meta-count': {
    annotations: Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`meta.k${i}`, 'x'])),
    field: 'meta',
    message: /meta/,
  },
  protocol: { annotations: { protocol: 'h t t p' }, field: 'protocol', message: /is not a protocol/ },
  'health-url': {
    annotations: { 'health-url': 'ftp://x/' },
    field: 'health-url',
    message: /neither an http\(s\) URL/,
  },
  weight: { annotations: { weight: '0' }, field: 'weight', message: /whole number from 1 to 65535/ },
  'weight-warning': {
    annotations: { 'weight-warning': 'much' },
    field: 'weight-warning',
    message: /whole number/,
  },
  address: { annotations: { address: 'nod' }, field: 'address', message: /is not one of pod, host/ },
  'no-external': {
    annotations: { address: 'node-external' },
    field: 'address',
    message: /no address of type ExternalIP/,
  },
  check: { annotations: { check: 'readyness' }, field: 'check', message: /did you mean "readiness"\?/ },
  'check-http': { annotations: { 'check-http': 'healthz' }, field: 'check-http', message: /neither an http/ },
  'check-tcp': { annotations: { 'check-tcp': ':::' }, field: 'check-tcp', message: /not what to connect to/ },
  'check-grpc': {
    annotations: { 'check-grpc': 'a b' },
    field: 'check-grpc',
    message: /not what to connect to/,
  },
  'check-interval': {
    annotations: { 'check-interval': '10' },
    field: 'check-interval',
    message: /did you mean "10s"\?/,
  },
  'check-timeout': {
    annotations: { 'check-timeout': '0s' },
    field: 'check-timeout',
    message: /not from 1ms/,
  },
  'deregister-after': {
    annotations: { 'deregister-critical-after': 'soon' },
    field: 'deregister-critical-after',
    message: /is not a duration/,
  },
  drain: { annotations: { drain: 'never' }, field: 'drain', message: /is not one of "critical"/ },
  warmup: { annotations: { warmup: '1x' }, field: 'warmup', message: /is not a duration/ },
  maintenance: {
    annotations: { maintenance: 'x'.repeat(600) },
    field: 'maintenance',
    message: /longer than 512 bytes/,
  },
  'placeholder-unknown': {
    annotations: { tags: '{pod.nme}' },
    field: 'tags',
    message: /"\{pod.nme\}" is not a placeholder; did you mean "pod.name"\?/,
  },
  'placeholder-open': { annotations: { 'meta.a': '{pod.name' }, field: 'meta.a', message: /not closed/ },
  'placeholder-empty': {
    annotations: { port: '{pod.label.port}' },
    field: 'port',
    message: /no label "port"/,
  },
  'services-yaml': {
    annotations: { services: '[{' },
    field: 'services',
    message: /not valid YAML: line 1, column/,
  },
  'services-list': {
    annotations: { services: 'service: x' },
    field: 'services',
    message: /must be a YAML list/,
  },
  'services-entry': {
    annotations: { services: '[{ port: http }]' },
    field: 'services[0].service',
    message: /service is missing/,
  },
};

/** A list of services whose text as a whole is wrong says nothing about the plain annotations beside it. */
const keepsItsOwn = (name: string): boolean => name.startsWith('services-');

test('bad annotations of every kind on one pod of three: the other two are registered, the log says why', async () => {
  const ns = await stage.namespace('mistakes');
  const good = (service: string) => ({ service, port: 'http' });
  await Promise.all(
    Object.entries(mistakes).flatMap(([name, { annotations }]) => [
      ns.addPod(`${name}-0`, good(name)),
      ns.addPod(`${name}-1`, { ...good(name), ...annotations }),
      ns.addPod(`${name}-2`, good(name)),
    ]),
  );
  for (const [name, { field, message }] of Object.entries(mistakes)) {
    const pods = keepsItsOwn(name) ? [0, 1, 2] : [0, 2];
    const entries = await stage.allPassing(name, pods.length);
    assert.deepEqual(
      entries.map(({ Service }) => Service.Meta['kube-pod']).sort(),
      pods.map((i) => `${name}-${i}`),
    );
    const told = await stage.eventually(`the log tells of ${name}-1`, async () => {
      const lines = stage.operator.logs().filter(({ pod }) => pod === `mistakes/${name}-1`);
      const found = lines.find((line) => line['field'] === field && message.test(String(line['message'])));
      assert.ok(found, `${field} ${message} in ${JSON.stringify(lines)}`);
      return found;
    });
    assert.equal(told.level, 'error');
    assert.ok(told.msg.startsWith(`registration refused: Pod mistakes/${name}-1`), told.msg);
    assert.ok(told.reason === 'InvalidAnnotation' || told.reason === 'RegistrationFailed');
  }
  // Told once each, however often it was looked at, and of nobody else.
  const told = stage.operator.logs().filter(({ msg }) => msg.startsWith('registration refused: '));
  assert.deepEqual(
    told.map(({ pod }) => pod).sort(),
    Object.keys(mistakes)
      .map((name) => `mistakes/${name}-1`)
      .sort(),
  );
  assert.deepEqual(stage.operator.logs('InternalError'), []);

  const { problems } = await stage.operator.status();
  assert.equal(problems.filter(({ severity }) => severity === 'error').length, told.length);
  const metric = 'kube_registrar_problems{reason="InvalidAnnotation"}';
  assert.ok((await stage.operator.metric(metric)) > 0);
});

test('an unknown annotation is only a remark, with a suggestion', async () => {
  const ns = await stage.namespace('remarks');
  await ns.addPod('typo-0', { service: 'typo', port: 'http', tag: 'blue' });
  await stage.allPassing('typo', 1);
  const [line] = stage.operator.logs('InvalidAnnotation').filter(({ pod }) => pod === 'remarks/typo-0');
  assert.equal(line?.level, 'warn');
  assert.match(String(line?.['message']), /unknown annotation "tag" is ignored; did you mean "tags"\?/);
});

test('an instance whose annotations break stays as it was, follows its health, and is let go with its pod', async () => {
  const ns = await stage.namespace('stale');
  await ns.addPod('keep-0', { service: 'keep', port: 'http', tags: 'v1' });
  const [before] = await stage.allPassing('keep', 1);
  await ns.annotatePod('keep-0', { port: 'htp', tags: 'v2' });
  await stage.eventually('the log tells of the stale instance', async () => {
    const stale = stage.operator.logs('Stale').filter(({ instance }) => instance === before!.Service.ID);
    assert.equal(stale.length, 1);
  });
  const [kept] = await stage.allPassing('keep', 1);
  assert.deepEqual(kept!.Service, before!.Service);

  stage.kubelet.setUnready('stale', 'keep-0', { reason: 'ProbeFailed', message: 'no answer' });
  await stage.eventually('the stale instance is critical', async () => {
    const [entry] = await stage.instances('keep');
    assert.equal(readiness(entry!)?.Output, 'ProbeFailed: no answer');
  });
  stage.kubelet.setReady('stale', 'keep-0');
  await stage.allPassing('keep', 1);

  await ns.annotatePod('keep-0', { port: 'admin' });
  await stage.eventually('the mended annotations count', async () => {
    const [entry] = await stage.allPassing('keep', 1);
    assert.deepEqual([entry!.Service.Port, entry!.Service.Tags], [9090, ['v2']]);
  });
  await ns.annotatePod('keep-0', { port: 'htp' });
  await ns.deletePod('keep-0');
  await stage.gone('keep');
});

test('an annotation taken away takes the instance away', async () => {
  const ns = await stage.namespace('opt-out');
  await ns.addPod('out-0', { service: 'out', port: 'http' });
  await stage.allPassing('out', 1);
  await ns.annotatePod('out-0', { service: null });
  await stage.gone('out');
  await ns.annotatePod('out-0', { service: 'out' });
  await stage.allPassing('out', 1);
});
