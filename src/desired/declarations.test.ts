import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { WrittenDeclaration } from './declaration.ts';
import { type Declarations, describeDeclarations, rememberDeclarations } from './declarations.ts';
import { fields } from './fields.ts';
import { mostUserKeys } from './meta.ts';
import type { Placeholders } from './placeholders.ts';
import { readServicesList } from './services-list.ts';

const places: Placeholders = {
  podName: 'web-1',
  podNamespace: 'shop',
  podLabels: { app: 'web', 'app.kubernetes.io/version': 'v2' },
  nodeName: 'n1',
  nodeZone: 'z1',
  nodeRegion: 'r1',
  clusterName: 'c1',
};

const read = (annotations: Record<string, string>, kind: 'Pod' | 'Service' = 'Pod'): Declarations =>
  describeDeclarations({ kind, name: 'search', annotations }, places);

/** The only declaration of annotations without a mistake. */
function good(annotations: Record<string, string>, kind: 'Pod' | 'Service' = 'Pod'): WrittenDeclaration {
  const { outcomes, mistakes } = read({ service: 'web', ...annotations }, kind);
  assert.deepEqual(mistakes, []);
  assert.equal(outcomes.length, 1);
  const [outcome] = outcomes;
  assert.ok(outcome?.kind === 'declared');
  return outcome;
}

/** The messages of the mistakes, with field and severity. */
function mistakes(annotations: Record<string, string>, kind: 'Pod' | 'Service' = 'Pod'): string[] {
  return read({ service: 'web', ...annotations }, kind).mistakes.map(
    ({ field, message, severity }) => `${severity} ${field}: ${message}`,
  );
}

describe('annotations', () => {
  test('ask for nothing without "service"', () => {
    assert.deepEqual(read({}), { outcomes: [], services: new Set(), mistakes: [] });
  });

  test('have the documented defaults', () => {
    const declaration = good({});
    const expected: Partial<WrittenDeclaration> = {
      kind: 'declared',
      at: '',
      service: declaration.service,
      tags: [],
      meta: new Map(),
      weight: 1,
      'weight-warning': 1,
      address: 'pod',
      'node-port': 'endpoints',
      'node-address': 'internal',
      'id-scheme': 'kube-registrar',
      check: 'readiness',
      'check-interval': 10_000,
      'check-timeout': 1_000,
      drain: 'critical',
    };
    // Without a value, every other annotation is absent.
    const given = Object.entries(declaration).filter(([, value]) => value !== undefined);
    assert.deepEqual(Object.fromEntries(given), expected);
  });

  const rows: [Record<string, string>, Partial<Record<keyof WrittenDeclaration, unknown>>][] = [
    [{ service: 'Web-2' }, { service: 'Web-2' }],
    [{ service: ' web ' }, { service: 'web' }],
    [{ port: 'http' }, { port: { name: 'http' } }],
    [{ port: '8080' }, { port: { number: 8080 } }],
    [{ tags: 'b, a,,b' }, { tags: ['a', 'b'] }],
    [
      { 'meta.team': 'shop', 'meta.A_b-9': '' },
      {
        meta: new Map([
          ['A_b-9', ''],
          ['team', 'shop'],
        ]),
      },
    ],
    [{ protocol: 'grpc' }, { meta: new Map([['protocol', 'grpc']]) }],
    [
      { 'health-url': 'https://x.example/health?q=1' },
      {
        'health-url': {
          scheme: 'https',
          host: { kind: 'name', text: 'x.example' },
          port: undefined,
          path: '/health?q=1',
        },
      },
    ],
    [
      { 'health-url': '/health' },
      { 'health-url': { scheme: 'http', host: undefined, port: undefined, path: '/health' } },
    ],
    [
      { weight: '65535', 'weight-warning': '2' },
      { weight: 65_535, 'weight-warning': 2 },
    ],
    [{ address: 'host' }, { address: 'host' }],
    [{ address: 'node-external' }, { address: 'node-external' }],
    [{ check: 'none' }, { check: 'none' }],
    [{ drain: 'warning' }, { drain: 'warning' }],
    [{ drain: 'deregister' }, { drain: 'deregister' }],
    [{ warmup: '1m30s' }, { warmup: 90_000 }],
    [{ maintenance: 'disk is full' }, { maintenance: 'disk is full' }],
    [{ maintenance: 'false' }, { maintenance: undefined }],
  ];
  for (const [annotations, expected] of rows) {
    test(`read ${JSON.stringify(annotations)}`, () => {
      const declaration = good(annotations);
      for (const [key, value] of Object.entries(expected)) {
        assert.deepEqual(declaration[key as keyof WrittenDeclaration], value);
      }
    });
  }

  test('take maintenance without a reason with the reason Consul gives', () => {
    for (const maintenance of ['', 'true']) {
      assert.match(good({ maintenance }).maintenance ?? '', /^Maintenance mode is enabled for this service/);
    }
  });

  test('describe what agents and monitors check', () => {
    const declaration = good({
      'check-http': '/healthz',
      'check-tcp': 'db.example.com:5432',
      'check-grpc': 'grpc/shop.Cart',
      'check-interval': '5s',
      'check-timeout': '250ms',
      'deregister-critical-after': '1m',
    });
    const expected: Partial<WrittenDeclaration> = {
      'check-http': { scheme: 'http', host: undefined, port: undefined, path: '/healthz' },
      'check-tcp': { host: { kind: 'name', text: 'db.example.com' }, port: { number: 5432 } },
      'check-grpc': { host: undefined, port: { name: 'grpc' }, service: 'shop.Cart' },
      'check-interval': 5_000,
      'check-timeout': 250,
      'deregister-critical-after': 60_000,
    };
    assert.deepEqual({ ...declaration, ...expected }, declaration);
  });

  test('keep an escaped comma within a tag', () => {
    const { outcomes } = read({ service: 'web', tags: 'a\\,b,c' });
    assert.deepEqual((outcomes[0] as WrittenDeclaration).tags, ['a,b', 'c']);
  });

  test('keep tags that DNS cannot carry, with one warning', () => {
    const annotations = { service: 'web', tags: 'traefik.enable=true,a_b,ok' };
    const { outcomes } = read(annotations);
    assert.deepEqual((outcomes[0] as WrittenDeclaration).tags, ['a_b', 'ok', 'traefik.enable=true']);
    assert.deepEqual(mistakes(annotations), [
      'warning tags: kept, but not usable in DNS (letters, digits and hyphens, at most 63): "a_b", "traefik.enable=true"',
    ]);
  });

  test('take "true" on a Service for its own name', () => {
    assert.equal(good({ service: 'true' }, 'Service').service, 'search');
  });

  test('are switched off by "false"', () => {
    assert.deepEqual(read({ service: 'false', port: 'http' }), {
      outcomes: [],
      services: new Set(),
      mistakes: [],
    });
  });
});

describe('mistakes in annotations', () => {
  const long = 'x'.repeat(600);
  const rows: [Record<string, string>, string][] = [
    [{ service: '' }, 'error service: service is empty; write the name of the Consul service'],
    [
      { service: 'my_service' },
      'error service: service "my_service" is not usable in DNS (letters, digits and hyphens, at most 63); did you mean "my-service"?',
    ],
    [
      { service: 'true' },
      `error service: service "true" only works on a Service, an Ingress or a route, whose name it stands for; write the service's name`,
    ],
    [{ port: '0' }, 'error port: port "0" is not from 1 to 65535'],
    [{ port: '65536' }, 'error port: port "65536" is not from 1 to 65535'],
    [{ port: 'a b' }, 'error port: port "a b" is neither the name of a port nor a number from 1 to 65535'],
    [{ tags: `a,${long}` }, `error tags: tag "${'x'.repeat(60)}…" is longer than 512 bytes`],
    [{ tags: 'a\nb' }, 'error tags: tag "a\\nb" has a control character'],
    [
      { 'meta.my.key': 'x' },
      'error meta.my.key: meta key "my.key" is not 1 to 128 letters, digits, "_" and "-"; did you mean "my_key"?',
    ],
    [{ 'meta.': 'x' }, 'error meta.: meta key "" is not 1 to 128 letters, digits, "_" and "-"'],
    [
      { 'meta.kube-pod': 'x' },
      'error meta.kube-pod: meta key "kube-pod" is set by kube-registrar; choose another',
    ],
    [
      { 'meta.external-source': 'x' },
      'error meta.external-source: meta key "external-source" is set by kube-registrar; choose another',
    ],
    [
      { 'meta.__proto__': 'x' },
      'error meta.__proto__: meta key "__proto__" cannot be read back; choose another',
    ],
    [
      { 'meta.consul-x': 'x' },
      'error meta.consul-x: meta key "consul-x" is reserved by Consul; choose another',
    ],
    [{ 'meta.a': long }, 'error meta.a: meta value is 600 bytes long; Consul allows at most 512'],
    [{ 'meta.a': 'ä'.repeat(300) }, 'error meta.a: meta value is 600 bytes long; Consul allows at most 512'],
    [
      { protocol: 'http', 'meta.protocol': 'tcp' },
      'error meta.protocol: meta key "protocol" is already set by "protocol"',
    ],
    [
      { 'health-url': '/x', 'meta.health_url': 'x' },
      'error meta.health_url: meta key "health_url" is already set by "health-url"',
    ],
    [{ protocol: '' }, 'error protocol: protocol "" is not a protocol; write it like tcp, http, grpc or ws'],
    [
      { 'health-url': 'ftp://x' },
      'error health-url: health-url "ftp://x" is neither an http(s) URL nor a path such as /healthz',
    ],
    [{ 'health-url': `/${long}` }, 'error health-url: health-url is longer than 448 bytes'],
    [{ weight: '0' }, 'error weight: weight "0" is not a whole number from 1 to 65535'],
    [
      { 'weight-warning': '1.5' },
      'error weight-warning: weight-warning "1.5" is not a whole number from 1 to 65535',
    ],
    [
      { address: 'hots' },
      'error address: address "hots" is not one of pod, host, node-external, nor on a Service load-balancer, node-port, external-ips, cluster-ip, auto, an IP address or a host name with a dot; did you mean "host"?',
    ],
    [{ check: 'tcp' }, 'error check: check "tcp" is not one of "readiness", "none"'],
    [{ drain: 'warn' }, 'error drain: drain "warn" is not one of "critical", "warning", "deregister"'],
    [{ warmup: '10' }, 'error warmup: warmup "10" is not a duration; did you mean "10s"?'],
    [
      { 'check-interval': 'soon' },
      'error check-interval: check-interval "soon" is not a duration; write it like 500ms, 10s or 1m30s',
    ],
    [{ 'check-timeout': '0s' }, 'error check-timeout: check-timeout "0s" is not from 1ms to 8760h'],
    [
      { 'deregister-critical-after': '9000h' },
      'error deregister-critical-after: deregister-critical-after "9000h" is not from 1ms to 8760h',
    ],
    [
      { 'check-http': 'healthz' },
      'error check-http: check-http "healthz" is neither an http(s) URL nor a path such as /healthz',
    ],
    [
      { 'check-tcp': 'host:0' },
      `error check-tcp: check-tcp "host:0" is not what to connect to: "0" is not a port from 1 to 65535; write a port's name or number, or host:port`,
    ],
    [
      { 'check-grpc': ':/x' },
      `error check-grpc: check-grpc ":" is not what to connect to: "" is neither the name of a port nor a number from 1 to 65535; write a port's name or number, or host:port, optionally with /service`,
    ],
    [{ maintenance: long }, 'error maintenance: maintenance is longer than 512 bytes'],
    [{ port: 'p'.repeat(641) }, 'error port: port is longer than 640 bytes'],
    [{ 'meta.a': 'ä'.repeat(321) }, 'error meta.a: meta.a is longer than 640 bytes'],
    [{ tags: 'a,'.repeat(2_049) }, 'error tags: tags is longer than 4096 bytes'],
    [{ prot: 'http' }, 'warning prot: unknown annotation "prot" is ignored; did you mean "port"?'],
    [{ meta: 'x' }, 'warning meta: unknown annotation "meta" is ignored; did you mean "meta.<key>"?'],
    [{ zzz: 'x' }, 'warning zzz: unknown annotation "zzz" is ignored'],
  ];
  for (const [annotations, expected] of rows) {
    const [name = '', value = ''] = Object.entries(annotations).at(-1) ?? [];
    test(`name ${name}: ${JSON.stringify(value.slice(0, 30))}`, () => {
      assert.deepEqual(mistakes(annotations), [expected]);
    });
  }

  test('are all told at once', () => {
    const fields = read({ service: 'a_b', port: '0', weight: 'x', drain: 'x' }).mistakes.map(
      ({ field }) => field,
    );
    assert.deepEqual(fields, ['service', 'port', 'weight', 'drain']);
  });

  test('leave the name, drain and check known for what is registered already', () => {
    const { outcomes } = read({ service: 'web', port: '0', drain: 'deregister', check: 'none' });
    assert.deepEqual(outcomes, [
      { kind: 'broken', service: 'web', drain: 'deregister', check: 'none', address: 'pod' },
    ]);
  });

  test('count more meta keys than Consul takes', () => {
    const keys = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`meta.k${index}`, 'x']));
    const most = mostUserKeys;
    assert.deepEqual(mistakes(keys(most)), []);
    assert.deepEqual(mistakes(keys(most + 1)), [
      `error meta: more than ${most} meta keys; Consul allows 64, and ${64 - most} are kube-registrar's own`,
    ]);
    assert.equal(mistakes({ ...keys(most), protocol: 'http' }).length, 1);
  });

  test('include annotations without "service", whose typo is suggested', () => {
    assert.deepEqual(
      read({ servce: 'web', port: 'http', weight: '2' }).mistakes.map(({ message }) => message),
      [
        'unknown annotation "servce" is ignored; did you mean "service"?',
        '"port" and 1 more have no effect without "service"; add it, or put the annotations on the same object',
      ],
    );
  });
});

describe('placeholders', () => {
  test('are filled in', () => {
    const declaration = good({
      service: '{pod.label.app}-{cluster.name}',
      tags: 'zone-{node.zone},{pod.label.app.kubernetes.io/version}',
      'meta.where': '{node.region}/{node.name}/{pod.namespace}/{pod.name}',
    });
    assert.equal(declaration.service, 'web-c1');
    assert.deepEqual(declaration.tags, ['v2', 'zone-z1']);
    assert.equal(declaration.meta.get('where'), 'r1/n1/shop/web-1');
  });

  test('leave doubled braces as braces', () => {
    assert.equal(good({ 'meta.json': '{{"a":{{}}}}' }).meta.get('json'), '{"a":{}}');
  });

  test('that nobody knows are errors with a suggestion', () => {
    assert.deepEqual(mistakes({ 'meta.a': '{pod.nmae}' }), [
      'error meta.a: "{pod.nmae}" is not a placeholder; did you mean "pod.name"?',
    ]);
    assert.match(
      mistakes({ 'meta.a': '{x}' })[0] ?? '',
      /valid are pod\.name, .*; write \{\{ for a literal brace$/,
    );
    assert.deepEqual(mistakes({ tags: '{pod.name' }), [
      'error tags: a placeholder is not closed; write {{ for a literal brace',
    ]);
  });

  test('without a value are empty with a warning', () => {
    const annotations = { tags: '{pod.label.ap}', 'meta.a': '-{pod.label.zzzzzz}-' };
    const { outcomes } = read({ service: 'web', ...annotations });
    assert.deepEqual((outcomes[0] as WrittenDeclaration).tags, []);
    assert.equal((outcomes[0] as WrittenDeclaration).meta.get('a'), '--');
    assert.deepEqual(mistakes(annotations), [
      'warning tags: the pod has no label "ap"; did you mean "app"?',
      'warning meta.a: the pod has no label "zzzzzz"',
    ]);
  });

  test('without a value are errors where they would make another name', () => {
    assert.deepEqual(mistakes({ service: 'web-{pod.label.tier}-x' }), [
      'error service: the pod has no label "tier"',
    ]);
  });
});

describe('the list in "services"', () => {
  const list = (text: string, kind: 'Pod' | 'Service' = 'Pod') => read({ services: text }, kind);

  test('has the same fields, meta as a map and tags as a list or text', () => {
    const { outcomes, mistakes } = list(`
      - service: ledger
        port: grpc
        tags: [b, a, "x-{node.zone}"]
        meta: { team: shop, build: 007 }
        weight: 10
      - service: ledger-metrics
        port: 9100
        tags: b, a
        meta.team: ops
        check: none
    `);
    assert.deepEqual(mistakes, []);
    const [first, second] = outcomes as [WrittenDeclaration, WrittenDeclaration];
    assert.equal(first.at, 'services[0]');
    assert.deepEqual(first.tags, ['a', 'b', 'x-z1']);
    assert.deepEqual(
      first.meta,
      new Map([
        ['team', 'shop'],
        ['build', '007'],
      ]),
    );
    assert.equal(first.weight, 10);
    assert.deepEqual(second.port, { number: 9100 });
    assert.deepEqual(second.tags, ['a', 'b']);
    assert.deepEqual(second.meta, new Map([['team', 'ops']]));
    assert.equal(second.check, 'none');
  });

  test('stands beside a plain declaration', () => {
    const { outcomes } = read({ service: 'web', services: '- service: metrics' });
    assert.deepEqual(
      outcomes.map(({ service }) => service),
      ['web', 'metrics'],
    );
  });

  test('may be JSON', () => {
    assert.equal(list('[{"service": "web", "port": 8080}]').outcomes[0]?.service, 'web');
  });

  test('may be empty', () => {
    assert.deepEqual(list('[]'), { outcomes: [], services: new Set(), mistakes: [] });
  });

  test('disables only the entry with the mistake', () => {
    const { outcomes, mistakes } = list(`
      - service: a
        prot: x
      - service: b
        port: [1]
        weight: 0
      - just text
      - service: d
        service: e
      - port: 1
      - service: f
    `);
    assert.deepEqual(
      outcomes.map(({ kind, service }) => `${kind} ${service}`),
      ['declared a', 'broken b', 'broken ', 'broken d', 'broken ', 'declared f'],
    );
    assert.deepEqual(
      mistakes.map(({ field, message, severity }) => `${severity} ${field}: ${message}`),
      [
        'warning services[0].prot: unknown field "prot" is ignored; did you mean "port"?',
        'error services[1].port: port must be a single value',
        'error services[1].weight: weight "0" is not a whole number from 1 to 65535',
        'error services[2]: services[2] must be a map of fields, such as "service: web"',
        'error services[3].service: "service" is given twice',
        'error services[4].service: service is missing; write the name of the Consul service',
      ],
    );
  });

  const halves: [string, string][] = [
    ['service: "\\ud800"', 'service'],
    ['tags: ["ok", "\\ud800"]', 'tags'],
    ['tags: "ok,\\udc00"', 'tags'],
    ['meta: {a: "x\\ud800x"}', 'meta.a'],
    ['health-url: "/\\ud800"', 'health-url'],
    ['check-http: "/\\udfff"', 'check-http'],
    ['check-grpc: "80/\\ud800"', 'check-grpc'],
    ['protocol: "\\ud800"', 'protocol'],
    ['maintenance: "\\udc00\\ud800"', 'maintenance'],
  ];
  for (const [text, field] of halves) {
    test(`refuses half a character: ${text}`, () => {
      const { outcomes, mistakes } = list(
        text.startsWith('service:') ? `- ${text}` : `- service: web\n  ${text}`,
      );
      assert.equal(outcomes[0]?.kind, 'broken');
      assert.deepEqual(
        mistakes.map((each) => [each.field, each.message]),
        [[`services[0].${field}`, `${field} has half a character (an unpaired surrogate such as \\ud800)`]],
      );
    });
  }

  test('takes both halves for one character', () => {
    assert.equal(
      (list('- {service: web, maintenance: "\\ud83d\\ude00"}').outcomes[0] as WrittenDeclaration).maintenance,
      '😀',
    );
  });

  const wrecks: [string, RegExp][] = [
    ['', /^services must be a YAML list/],
    ['service: web', /^services must be a YAML list/],
    [
      '- service: "web',
      /^services is not valid YAML: line 1, column \d+: unexpected end of the stream within a double quoted scalar$/,
    ],
    ['- a: [', /^services is not valid YAML: line 1/],
    ['['.repeat(8_000), /^services is not valid YAML: line 1, column 8: nesting exceeded maxDepth/],
    ['- &a a\n- *a', /^services is not valid YAML: .*alias/],
    ['--- []\n--- []', /^services must be one YAML document$/],
    ['x'.repeat(8_193), /^services is longer than 8192 bytes$/],
  ];
  for (const [text, message] of wrecks) {
    test(`refuses ${JSON.stringify(text.slice(0, 20))} as a whole`, () => {
      const { outcomes, mistakes } = list(text);
      assert.deepEqual(outcomes, [
        { kind: 'broken', service: '', check: 'readiness', drain: 'critical', address: undefined },
      ]);
      assert.equal(mistakes.length, 1);
      assert.equal(mistakes[0]?.field, 'services');
      assert.match(mistakes[0].message, message);
    });
  }

  test('takes 32 entries and says so', () => {
    const { outcomes, mistakes } = list(Array.from({ length: 40 }, (_, i) => `- service: s${i}`).join('\n'));
    assert.equal(outcomes.filter(({ kind }) => kind === 'declared').length, 32);
    assert.deepEqual(
      mistakes.map(({ message }) => message),
      ['services has more than 32 entries; the last 8 are ignored'],
    );
  });
});

describe('describeDeclarations()', () => {
  const name = fc.oneof(
    fc.constantFrom(...fields, 'services', 'meta.a', 'meta.__proto__', 'meta.', '__proto__', 'constructor'),
    fc.string({ unit: 'binary' }),
  );
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom(
      'web',
      'http',
      '8080',
      'true',
      '10s',
      '/x',
      '{pod.name}',
      '{pod.label.__proto__}',
      '{',
      '}}',
    ),
    fc.constantFrom(
      '- service: a\n  port: 1',
      '- &a {service: *a}',
      '- ? [x]\n  : y',
      '- !!binary x',
      '--- a\n--- b',
    ),
    fc.json().map((text) => `[${text}]`),
  );
  const annotations = fc
    .array(fc.tuple(name, value), { maxLength: 12 })
    .map((entries) => Object.fromEntries(entries) as Record<string, string>);

  test('never throws, and says why whenever something is broken', () => {
    fc.assert(
      fc.property(annotations, fc.constantFrom('Pod' as const, 'Service' as const), (some, kind) => {
        const { outcomes, mistakes } = read(some, kind);
        const broken = outcomes.filter((outcome) => outcome.kind === 'broken');
        const errors = mistakes.filter(({ severity }) => severity === 'error');
        assert.equal(broken.length > 0, errors.length > 0);
        for (const outcome of outcomes) {
          if (outcome.kind === 'broken') continue;
          assert.match(outcome.service, /^[A-Za-z0-9-]{1,63}$/);
          assert.deepEqual(outcome.tags, [...new Set(outcome.tags)].sort());
          for (const [key, text] of outcome.meta) {
            assert.match(key, /^[A-Za-z0-9_-]{1,128}$/);
            assert.ok(Buffer.byteLength(text) <= 512);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('does not mind the order of the annotations', () => {
    fc.assert(
      fc.property(annotations, (some) => {
        assert.deepEqual(read(Object.fromEntries(Object.entries(some).reverse())), read(some));
      }),
    );
  });
});

describe('rememberDeclarations()', () => {
  const values = fc.constantFrom(
    'web',
    '{pod.name}',
    '{pod.namespace}',
    '{pod.label.app}',
    '{pod.label.none}',
    '{node.name}-{node.zone}',
    '{{',
    '{',
  );
  const anyPlaces = fc
    .record({
      podName: fc.constantFrom('web-1', 'web-2'),
      podNamespace: fc.constantFrom('shop', 'bank'),
      nodeName: fc.constantFrom('n1', 'n2'),
      nodeZone: fc.constantFrom('z1', ''),
      podLabels: fc.constantFrom<Placeholders['podLabels']>({ app: 'web' }, { app: 'api' }, {}),
    })
    .map((some): Placeholders => ({ ...places, ...some }));

  test('reads as if it had not read before', () => {
    const annotations = fc.record(
      { service: values, tags: values, 'meta.team': values, services: fc.constant('[{service: web}, 3]') },
      { requiredKeys: ['service'] },
    );
    fc.assert(
      fc.property(annotations, fc.array(anyPlaces, { maxLength: 30 }), (given, pods) => {
        const describePod = rememberDeclarations({ readList: readServicesList });
        for (const each of pods) {
          assert.deepEqual(
            describePod({ name: each.podName, annotations: given }, each),
            describeDeclarations({ kind: 'Pod', name: each.podName, annotations: given }, each),
          );
        }
      }),
    );
  });

  test('reads once what the pods of a template share', () => {
    const describePod = rememberDeclarations({ readList: readServicesList });
    const annotations = { service: 'web', tags: '{pod.label.app}' };
    const [first, second] = ['web-1', 'web-2'].map((podName) =>
      describePod({ name: podName, annotations }, { ...places, podName }),
    );
    assert.equal(first, second);
  });
});
