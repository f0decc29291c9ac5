import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { configKeys } from './keys.ts';
import { type ConfigTexts, resolveConfig } from './resolve.ts';

function resolve({ text, environment = {}, flags = {} }: Partial<ConfigTexts> & { text?: string } = {}) {
  const file = text === undefined ? undefined : { name: 'config.yaml', text };
  return resolveConfig({ file, environment, flags });
}

const mistakes = (text: string) => resolve({ text }).mistakes;

describe('resolveConfig()', () => {
  test('has a default for everything', () => {
    const { config, mistakes } = resolve();
    assert.deepEqual(mistakes, []);
    assert.deepEqual(config?.consul.addresses, ['http://127.0.0.1:8500']);
    assert.equal(config?.sync.fullComparisonInterval, 60_000);
    assert.equal(config?.annotationPrefix, 'kube-registrar.io');
  });

  test('takes an empty file, a file of comments and empty sections for the defaults', () => {
    for (const text of ['', '# nothing\n', 'consul:\nlog:\n  level:\n', '---\n', '\uFEFFlog: {}\n']) {
      assert.deepEqual(mistakes(text), [], JSON.stringify(text));
    }
  });

  test('reads durations into milliseconds', () => {
    const { config } = resolve({ text: 'sync: { fullComparisonInterval: 1m30s }' });
    assert.equal(config?.sync.fullComparisonInterval, 90_000);
  });

  test('flags win over our variables, those over those of Consul, those over the file', () => {
    const text = 'consul: { addresses: ["http://file:1"] }';
    const environment: Record<string, string> = {};
    const flags: Record<string, string[]> = {};
    const addresses = () => resolve({ text, environment, flags }).config?.consul.addresses;
    assert.deepEqual(addresses(), ['http://file:1']);
    environment['CONSUL_HTTP_ADDR'] = 'consul:2';
    assert.deepEqual(addresses(), ['http://consul:2']);
    environment['KUBE_REGISTRAR_CONSUL_ADDRESSES'] = 'http://own:3, https://own:4';
    assert.deepEqual(addresses(), ['http://own:3', 'https://own:4']);
    flags['consul.addresses'] = ['http://flag:5'];
    assert.deepEqual(addresses(), ['http://flag:5']);
  });

  test('every key can be set by its variable', () => {
    for (const { name, environment, type } of configKeys) {
      if (environment === undefined) continue;
      const value = type === 'boolean' ? 'maybe' : '\u0000';
      const { mistakes, merged } = resolve({ environment: { [environment]: value } });
      const told = mistakes.some((mistake) => mistake.startsWith(`environment ${environment}: `));
      assert.ok(told || merged.origin(name) === `environment ${environment}`, name);
    }
  });

  test('a variable for what only a file can hold is refused, with the reason', () => {
    assert.deepEqual(resolve({ environment: { KUBE_REGISTRAR_CLAIMS: 'web' } }).mistakes, [
      'environment KUBE_REGISTRAR_CLAIMS: unknown variable; this can only be set in a configuration file',
    ]);
  });

  test('reports every mistake in a claim with its place', () => {
    const text = [
      'claims:',
      '  - namespaces: [pay, Shop]',
      '    services: [pay-*, "a_b", "*-web"]',
      '  - services: ["{namespace}-*"]',
      '  - { namespaces: ["*"], services: [x], service: y }',
      '  - web',
    ].join('\n');
    assert.deepEqual(mistakes(text), [
      'config.yaml:2:23: claims.0.namespaces.1: "Shop" is not a namespace; write its name, or "*" for every namespace',
      'config.yaml:3:23: claims.0.services.1: "a_b" is not a service name; write "web", "web-*" or "{namespace}-*", with letters, digits and hyphens',
      'config.yaml:3:30: claims.0.services.2: "*-web" is not a service name; write "web", "web-*" or "{namespace}-*", with letters, digits and hyphens',
      'config.yaml:4:5: claims.1.namespaces: is empty; name at least one namespace, or "*"',
      'config.yaml:5:41: claims.2.service: unknown key; did you mean "services"?',
      'config.yaml:6:5: claims.3: must be a section with keys, not text',
    ]);
  });

  test('a variable that is no number, or not one within the bounds, is refused', () => {
    const environment = {
      KUBE_REGISTRAR_GUARD_REMOVAL_MINIMUM: 'many',
      KUBE_REGISTRAR_REGISTRATION_AGENT_PORT: '-1',
    };
    assert.deepEqual(resolve({ environment }).mistakes.toSorted(), [
      'environment KUBE_REGISTRAR_GUARD_REMOVAL_MINIMUM: "many" is not a whole number between 0 and 1000000',
      'environment KUBE_REGISTRAR_REGISTRATION_AGENT_PORT: -1 is not a whole number between 1 and 65535',
    ]);
  });

  test('reports every mistake in what tenants may do with its place', () => {
    const text = [
      'reservedNames: [consul, "a_b"]',
      'tagRules:',
      '  - { namespaces: [edge] }',
      '  - { namespaces: ["*"], deny: ["urlprefix-*", "a b"] }',
      'metaRules:',
      '  - { namespaces: [], allow: [route.x] }',
      'registration:',
      '  probeHosts: [10.0.0.0/8, 169.254.0.0/16, "*", localhost]',
    ].join('\n');
    assert.deepEqual(mistakes(text), [
      'config.yaml:8:28: registration.probeHosts.1: "169.254.0.0/16" is a link-local address, where metadata services are, which is never probed; remove it',
      'config.yaml:8:44: registration.probeHosts.2: "*" is not the name or the address of a host; write a name, "*.example.com", an address or a CIDR',
      'config.yaml:8:49: registration.probeHosts.3: "localhost" is a name of the loopback address, which is never probed; remove it',
      'config.yaml:1:25: reservedNames.1: "a_b" is not a service name; write "web" or "web-*", with letters, digits and hyphens',
      'config.yaml:3:5: tagRules.0: allows and denies nothing; name at least one pattern in "allow" or "deny"',
      'config.yaml:4:48: tagRules.1.deny.1: "a b" is not a pattern for tags; write "urlprefix-*", without spaces, quotes and backslashes, at most 128 characters',
      'config.yaml:6:19: metaRules.0.namespaces: is empty; name at least one namespace, or "*"',
      'config.yaml:6:31: metaRules.0.allow.0: "route.x" is not a pattern for meta keys; write "route_*", with letters, digits, "_" and "-"',
    ]);
    const { config } = resolve({ environment: { KUBE_REGISTRAR_RESERVED_NAMES: 'consul, vault' } });
    assert.deepEqual(config?.reservedNames, ['consul', 'vault']);
  });

  test('a variable that is no boolean where one belongs is refused', () => {
    assert.deepEqual(resolve({ environment: { KUBE_REGISTRAR_CONSUL_VERIFY: 'nah' } }).mistakes, [
      'environment KUBE_REGISTRAR_CONSUL_VERIFY: "nah" is neither true nor false; use one of them',
    ]);
    const { config } = resolve({ environment: { KUBE_REGISTRAR_CONSUL_VERIFY: '0' } });
    assert.equal(config?.consul.verify, false);
  });

  test('an empty variable counts as absent', () => {
    const { config } = resolve({
      text: 'log: { level: debug }',
      environment: { KUBE_REGISTRAR_LOG_LEVEL: '', CONSUL_HTTP_ADDR: '', CONSUL_HTTP_SSL: '' },
    });
    assert.equal(config?.log.level, 'debug');
  });

  test('is not disturbed by what the kubelet sets for a Service of the same name', () => {
    const environment = {
      KUBE_REGISTRAR_SERVICE_HOST: '10.0.0.1',
      KUBE_REGISTRAR_SERVICE_PORT: '8080',
      KUBE_REGISTRAR_SERVICE_PORT_HTTP: '8080',
      KUBE_REGISTRAR_PORT: 'tcp://10.0.0.1:8080',
      KUBE_REGISTRAR_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      KUBE_REGISTRAR_PORT_8080_TCP_PROTO: 'tcp',
      KUBE_REGISTRAR_PORT_8080_TCP_PORT: '8080',
      KUBE_REGISTRAR_PORT_8080_TCP_ADDR: '10.0.0.1',
    };
    assert.deepEqual(resolve({ environment }).mistakes, []);
  });

  test('reports all mistakes of all places at once, also where another place wins', () => {
    const { mistakes, config } = resolve({
      text: [
        'annotationPrefix: Bad/Prefix',
        'consul:',
        '  adresses: [http://x:1]',
        '  verify: "no"',
        'log:',
        '  level: inf',
        'sync:',
        '  fullComparisonInterval: 60',
      ].join('\n'),
      environment: { KUBE_REGISTRAR_LOG_LEVEL: 'warn', KUBE_REGISTRAR_LOG_FORMT: 'text' },
      flags: { 'server.listen': '8080' },
    });
    assert.equal(config, undefined);
    assert.deepEqual([...mistakes].sort(), [
      'config.yaml:1:19: annotationPrefix: "Bad/Prefix" is not a DNS name; write it like "kube-registrar.io", without a slash',
      'config.yaml:3:3: consul.adresses: unknown key; did you mean "addresses"?',
      'config.yaml:4:11: consul.verify: must be true or false, without quotes',
      'config.yaml:6:10: log.level: "inf" is not valid; did you mean "info"? Valid: "debug", "info", "warn", "error"',
      'config.yaml:8:27: sync.fullComparisonInterval: must be text, not a number; put it in quotes',
      'environment KUBE_REGISTRAR_LOG_FORMT: unknown variable; did you mean KUBE_REGISTRAR_LOG_FORMAT?',
      'flag --listen: "8080" is not a listen address; write ":8080", "127.0.0.1:8080" or "[::1]:8080"',
    ]);
  });
});

describe('a configuration file', () => {
  test('that is half written is a syntax mistake with line and column', () => {
    assert.match(mistakes('consul:\n  addresses: ["http://x:1"\n')[0]!, /^config\.yaml:3:1: YAML syntax: /);
    assert.match(
      mistakes('log:\n  level: "inf')[0]!,
      /^config\.yaml:2:14: YAML syntax: Missing closing "quote/,
    );
    assert.match(mistakes('log:\n\tlevel: info\n')[0]!, /^config\.yaml:2:1: YAML syntax: Tabs/);
  });

  test('with a key twice says where the second one stands, and is checked all the same', () => {
    assert.deepEqual(mistakes('log:\n  level: info\n  level: inf\n'), [
      'config.yaml:3:3: duplicate key; keep one',
      'config.yaml:3:10: log.level: "inf" is not valid; did you mean "info"? Valid: "debug", "info", "warn", "error"',
    ]);
  });

  test('that is no mapping is refused', () => {
    assert.deepEqual(mistakes('- a\n'), ['config.yaml:1:1: must be a mapping of keys to values, not a list']);
  });

  test('of several documents is refused, with the line of the second', () => {
    assert.deepEqual(mistakes('log: {}\n---\nlog: {}\n---\nlog: {}\n'), [
      'config.yaml:2:1: YAML syntax: a second document begins here, but a configuration is a single document; remove "---" or the rest',
    ]);
  });

  test('with text or something else where a number belongs says which number', () => {
    const text = [
      'guard:',
      '  removalMinimum: many',
      '  removalRatio: [1]',
      '  healthMinimumNodes: "3"',
      '  healthRatio: 7',
      'registration: { agent: { port: 1.5 } }',
    ].join('\n');
    assert.deepEqual(mistakes(text).toSorted(), [
      'config.yaml:2:19: guard.removalMinimum: "many" is not a whole number between 0 and 1000000',
      'config.yaml:3:17: guard.removalRatio: must be a number between 0 and 1, not a list',
      'config.yaml:4:23: guard.healthMinimumNodes: "3" is text; write a whole number between 1 and 100000 without quotes',
      'config.yaml:5:16: guard.healthRatio: 7 is not a number between 0 and 1',
      'config.yaml:6:32: registration.agent.port: 1.5 is not a whole number between 1 and 65535',
    ]);
  });

  test('no number key calls text a section', () => {
    for (const { path, type, name } of configKeys) {
      if (type !== 'number') continue;
      const value = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), 'many');
      const [mistake, ...others] = mistakes(stringify(value));
      assert.match(mistake ?? '', /"many" is not a (whole )?number between/, name);
      assert.deepEqual(others, [], name);
    }
  });

  test('with a label selector that the API server would refuse says what is wrong with it', () => {
    assert.deepEqual(mistakes('kubernetes: { podLabelSelector: "tier in (front" }'), [
      'config.yaml:1:33: kubernetes.podLabelSelector: "tier in (front" is not a requirement; write "key=value", "key!=value", "key in (a, b)", "key" or "!key"',
    ]);
    assert.deepEqual(mistakes('kubernetes: { podLabelSelector: "tier in (front, back)" }'), []);
  });

  test('with rules for what is registered by default that cannot be says so', () => {
    assert.deepEqual(
      mistakes(
        'sync:\n  default: service\n  namespaces: { include: [], exclude: [Shop], selector: "a b" }\n  serviceTypes: [clusterip]\n  namespaceAnnotations: [service, tagz, meta.*, check-*]\n',
      ),
      [
        'config.yaml:2:12: sync.default: "service" is not valid; did you mean "services"? Valid: "none", "services", "pods"',
        'config.yaml:3:26: sync.namespaces.include: is empty; name at least one namespace, or remove the key',
        'config.yaml:3:40: sync.namespaces.exclude.0: "Shop" is not the name of a namespace; write "shop" or "team-*", in lower case, at most 63 characters',
        'config.yaml:3:57: sync.namespaces.selector: "a b" is not a requirement; write "key=value", "key!=value", "key in (a, b)", "key" or "!key"',
        'config.yaml:4:18: sync.serviceTypes.0: "clusterip" is not valid; did you mean "ClusterIP"? Valid: "ClusterIP", "Headless", "NodePort", "LoadBalancer", "ExternalName"',
        'config.yaml:5:26: sync.namespaceAnnotations.0: "service" cannot be a default; set it on each object',
        'config.yaml:5:35: sync.namespaceAnnotations.1: "tagz" is not an annotation; did you mean "tags"?',
      ],
    );
  });

  test('refuses, where only some namespaces are watched, what needs cluster-wide rights or names none of them', () => {
    const text =
      'kubernetes: { namespaces: [shop, search] }\nsync:\n  default: services\n  namespaces: { include: [team-*, sh*], exclude: ["s*"], selector: a }\n  namespaceAnnotations: [tags]\n';
    assert.deepEqual(mistakes(text), [
      'config.yaml:4:68: sync.namespaces.selector: needs cluster-wide rights to read Namespaces, which kubernetes.namespaces avoids; remove one of the two, or name namespaces in sync.namespaces.include',
      'config.yaml:5:25: sync.namespaceAnnotations: needs cluster-wide rights to read Namespaces, which kubernetes.namespaces avoids; remove one of the two, or name namespaces in sync.namespaces.include',
      'config.yaml:4:26: sync.namespaces.include: "team-*" matches none of the watched namespaces; kubernetes.namespaces names shop, search',
      'config.yaml:4:50: sync.namespaces.exclude: excludes all watched namespaces; kubernetes.namespaces names shop, search',
    ]);
    const both =
      'kubernetes: { namespaces: [shop, dev] }\nsync: { namespaces: { include: [shop], exclude: [shop] } }\n';
    assert.deepEqual(mistakes(both), [
      'config.yaml:2:49: sync.namespaces.exclude: excludes all watched namespaces; kubernetes.namespaces names shop, dev',
    ]);
    const right =
      'kubernetes: { namespaces: [shop] }\nsync: { default: services, namespaces: { include: [s*] }, namespaceAnnotations: [] }\n';
    assert.deepEqual(mistakes(right), []);
  });

  test('with a setting for the default where there is none earns a warning', () => {
    const idle = 'sync: { labelSelector: a=b, serviceTypes: [NodePort] }\n';
    assert.deepEqual(resolve({ text: idle }).warnings, [
      'config.yaml:1:24: sync.labelSelector: has no effect, because sync.default is "none"',
      'config.yaml:1:43: sync.serviceTypes: has no effect, because sync.default is not "services"',
    ]);
  });

  test('with keys that do not fit together is refused for that too, along with what is wrong elsewhere', () => {
    const text = 'leaderElection: { leaseDuration: 5s, renewDeadline: 6s }\nlog: { level: loud }\n';
    assert.deepEqual(
      mistakes(text).map((mistake) => mistake.split(': ')[1]),
      ['log.level', 'leaderElection.renewDeadline'],
    );
  });

  test('names the right section for a key in the wrong one', () => {
    assert.deepEqual(mistakes('log:\n  policy: sync\n'), [
      'config.yaml:2:3: log.policy: unknown key; did you mean "sync.policy"?',
    ]);
  });

  test('lists the known keys for a key like none of them', () => {
    assert.deepEqual(mistakes('server:\n  zzzzzzzzzzzz: 1\n'), [
      'config.yaml:2:3: server.zzzzzzzzzzzz: unknown key; valid here: listen',
    ]);
  });

  test('with a section, list or text where another kind belongs says which', () => {
    assert.deepEqual(mistakes('log: loud\nconsul:\n  addresses: http://x:1\ncluster: { name: [a] }\n'), [
      'config.yaml:4:18: cluster.name: must be text, not a list',
      'config.yaml:3:14: consul.addresses: must be a list, not text; write one item per line, each after "- "',
      'config.yaml:1:6: log: must be a section with keys, not text',
    ]);
  });

  test('with a wrong item in a list points at the item', () => {
    assert.match(
      mistakes('consul:\n  addresses:\n    - http://x:1\n    - unix:///var/run/consul.sock\n')[0]!,
      /^config\.yaml:4:7: consul\.addresses\.1: "unix:.*" is a Unix socket/,
    );
  });

  test('with a duration that is too short or too long says the limit', () => {
    assert.match(mistakes('sync: { fullComparisonInterval: 1ms }')[0]!, /"1ms" is too short; at least "1s"/);
    assert.match(mistakes('sync: { fullComparisonInterval: 25h }')[0]!, /"25h" is too long; at most "24h"/);
    assert.match(mistakes('consul: { requestTimeout: soon }')[0]!, /"soon" is not a duration; write .*"10s"/);
  });

  test('with aliases that multiply is refused, not unfolded', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
    assert.match(
      mistakes(['a0: &a0 x', ...levels].join('\n'))[0]!,
      /^config\.yaml: cannot be read as YAML: /,
    );
  });

  test('whatever its text, gives a configuration or mistakes with their place, and never throws', () => {
    const nearly = fc
      .tuple(fc.constantFrom(...configKeys), fc.anything({ withNullPrototype: false, maxDepth: 2 }))
      .map(([{ path }, value]) => {
        const plain: unknown = JSON.parse(JSON.stringify(value ?? null) ?? 'null');
        return stringify(path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), plain));
      });
    const yamlish = fc.string({ unit: fc.constantFrom(...' \n\t:-&*!|>[]{},"\'#%@`abc?~_'), maxLength: 60 });
    fc.assert(
      fc.property(fc.oneof(fc.string(), yamlish, nearly), (text) => {
        const { config, mistakes } = resolve({ text });
        return config === undefined
          ? mistakes.length > 0 &&
              mistakes.every((line) => /^config\.yaml[:\s]/.test(line) && !line.includes('\n'))
          : mistakes.length === 0;
      }),
      { numRuns: 2_000 },
    );
  });

  test('the special key __proto__ is an unknown key like others', () => {
    assert.match(mistakes('__proto__: { log: 1 }')[0]!, /unknown key/);
  });
});

describe('secrets in the configuration', () => {
  test('a token stays hidden when the configuration is shown', () => {
    const { config } = resolve({ text: 'consul: { token: hunter2 }' });
    assert.equal(config?.consul.token?.reveal(), 'hunter2');
    assert.doesNotMatch(JSON.stringify(config), /hunter2/);
  });

  test('a token in a file earns a warning, one in the environment none', () => {
    assert.deepEqual(resolve({ text: 'consul: { token: hunter2 }' }).warnings, [
      'config.yaml:1:18: consul.token: a token in a configuration file is easily read by others; use consul.tokenFile',
    ]);
    assert.deepEqual(resolve({ environment: { CONSUL_HTTP_TOKEN: 'hunter2' } }).warnings, []);
  });

  for (const text of [
    'consul: { token: *hunter2 }',
    'consul: { token: "\\hunter2" }',
    'consul:\n  token: |hunter2\n',
    'consul: { token: [hunter2] }',
    'consul: { token: !hunter2 }',
    'consul: { token: { hunter: 2hunter2 } }',
    'consul: { addresses: ["http://user:hunter2@consul:8500"] }',
    'consul:\n  token: "a" hunter2\n',
    'consul: { token: @hunter2 }',
  ]) {
    test(`no mistake repeats the secret of ${JSON.stringify(text)}`, () => {
      const { mistakes, warnings } = resolve({ text });
      assert.ok(mistakes.length > 0);
      assert.doesNotMatch([...mistakes, ...warnings].join('\n'), /hunter2/);
    });
  }
});

describe('rules over several keys', () => {
  test('a token and a token file from one place are one too many', () => {
    assert.match(
      mistakes('consul:\n  token: a\n  tokenFile: b\n')[0]!,
      /^config\.yaml:2:10: consul\.token: a token file is set as well \(config\.yaml:3:14: consul\.tokenFile\)/,
    );
  });

  test('a login is refused where agents keep the token', () => {
    assert.match(
      mistakes('consul:\n  acl: { authMethod: k8s }\nregistration: { mode: agent }\n')[0]!,
      /^config\.yaml:2:\d+: consul\.acl\.authMethod: agents keep using the token of a registration/,
    );
    assert.deepEqual(mistakes('consul:\n  acl: { authMethod: k8s }\nregistration: { mode: catalog }\n'), []);
  });

  describe('a token for agents that cannot prove who they are', () => {
    const agents = 'registration: { mode: agent }\n';
    const refused =
      /^config\.yaml:\d+:\d+: registration\.mode: the token \(.*\) would go to whatever listens .*"https".*consul\.allowPlaintextToken/;

    test('is refused over plain http, wherever it comes from, also on loopback', () => {
      assert.match(mistakes(`${agents}consul: { tokenFile: f }`)[0]!, refused);
      assert.match(
        mistakes(`${agents}consul: { token: t, addresses: ["https://consul:8501"] }`)[0]!,
        refused,
      );
      const [fromEnvironment] = resolve({ text: agents, environment: { CONSUL_HTTP_TOKEN: 't' } }).mistakes;
      assert.match(fromEnvironment!, refused);
      assert.match(fromEnvironment!, /\(.*CONSUL_HTTP_TOKEN.*\)/);
    });

    test('is refused over TLS that nobody verifies', () => {
      const text =
        'registration: { mode: agent, agent: { scheme: https } }\nconsul: { token: t, verify: false }\n';
      assert.match(mistakes(text)[0]!, /^config\.yaml:2:\d+: consul\.verify: the token .* unverified/);
    });

    test('is taken over verified TLS, when it is allowed, and there is nothing to take without one', () => {
      assert.deepEqual(mistakes(agents), []);
      assert.deepEqual(mistakes(`${agents}consul: { token: t, allowPlaintextToken: true }`), []);
      assert.deepEqual(
        mistakes('registration: { mode: agent, agent: { scheme: https } }\nconsul: { token: t }'),
        [],
      );
    });
  });

  test('a token that goes to an address over plain http is warned about, but on loopback', () => {
    const told = (addresses: string, more = '') =>
      resolve({
        text: `consul: { addresses: [${addresses}]${more} }`,
        environment: { CONSUL_HTTP_TOKEN: 'hunter2' },
      }).warnings;
    const [warning, ...others] = told('"https://a:8501", "http://b:8500"');
    assert.match(
      warning!,
      /^config\.yaml:1:\d+: consul\.addresses: the token \(.*\) is sent to http:\/\/b:8500 over plain HTTP/,
    );
    assert.doesNotMatch(warning!, /hunter2/);
    assert.deepEqual(others, []);
    assert.deepEqual(told('"http://127.0.0.1:8500", "http://localhost:8500", "http://[::1]:8500"'), []);
    assert.deepEqual(told('"http://b:8500"', ', allowPlaintextToken: true'), []);
    assert.deepEqual(resolve({ text: 'consul: { addresses: ["http://b:8500"] }' }).warnings, []);
  });

  test('a token in the environment replaces the token file of the configuration, and the other way round', () => {
    const one = resolve({ text: 'consul: { tokenFile: f }', environment: { CONSUL_HTTP_TOKEN: 't' } }).config;
    assert.deepEqual([one?.consul.token?.reveal(), one?.consul.tokenFile], ['t', undefined]);
    const other = resolve({
      environment: { CONSUL_HTTP_TOKEN: 't' },
      flags: { 'consul.tokenFile': 'f' },
    }).config;
    assert.deepEqual([other?.consul.token, other?.consul.tokenFile], [undefined, 'f']);
  });

  test('a client certificate wants its key, and the key its certificate', () => {
    assert.match(
      mistakes('consul: { certFile: a }')[0]!,
      /^config.yaml:1:21: consul.certFile: .*set consul\.keyFile/,
    );
    const { mistakes: inEnvironment } = resolve({ environment: { CONSUL_CLIENT_KEY: 'k' } });
    assert.match(inEnvironment[0]!, /^environment CONSUL_CLIENT_KEY: .*set consul\.certFile/);
  });

  test('TLS settings without TLS earn a warning, as does TLS that verifies nobody', () => {
    assert.match(resolve({ text: 'consul: { serverName: x }' }).warnings[0]!, /has no effect/);
    const text = 'consul: { addresses: ["https://x:1"], verify: false }';
    assert.match(resolve({ text }).warnings[0]!, /^config\.yaml:1:47: consul\.verify: anyone/);
  });
});
