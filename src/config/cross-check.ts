import { quote } from './fields.ts';
import type { Merged } from './merge.ts';
import { type Config, configSchema } from './schema.ts';
import { valueAt } from './source.ts';

/** A mistake in keys that are valid each by itself. */
export function crossMistakes({ origin, value }: Merged): string[] {
  const mistakes: string[] = [];
  const [token, tokenFile] = [origin('consul.token'), origin('consul.tokenFile')];
  if (token !== undefined && tokenFile !== undefined) {
    mistakes.push(`${token}: a token file is set as well (${tokenFile}); keep one of the two`);
  }
  const login = origin('consul.acl.authMethod');
  const mode = origin('registration.mode');
  if (login !== undefined && mode !== undefined && valueAt(value, ['registration', 'mode']) === 'agent') {
    mistakes.push(
      `${login}: agents keep using the token of a registration, but a token from a login expires; use consul.tokenFile with registration.mode "agent"`,
    );
  }
  if (login !== undefined && (token ?? tokenFile) !== undefined) {
    mistakes.push(`${login}: a token is set as well (${token ?? tokenFile}); keep the login or the token`);
  }
  const [cert, key] = [origin('consul.certFile'), origin('consul.keyFile')];
  if (cert !== undefined && key === undefined) {
    mistakes.push(`${cert}: a certificate without its key; set consul.keyFile as well`);
  }
  if (key !== undefined && cert === undefined) {
    mistakes.push(`${key}: a key without its certificate; set consul.certFile as well`);
  }
  const isTrue = (...path: string[]) => valueAt(value, path) === true;
  if (isTrue('naming', 'explicit') && isTrue('compatibility', 'consulK8s', 'enabled')) {
    mistakes.push(
      `${origin('naming.explicit')}: names from consul-k8s must not change; remove naming.explicit while compatibility.consulK8s.enabled is true`,
    );
  }
  return mistakes;
}

/**
 * Mistakes in values that are valid each by itself, with the key to change. A section with other mistakes is
 * skipped.
 */
export function valueMistakes({ origin, value }: Merged): string[] {
  const mistakes: string[] = [];
  const read = configSchema.shape.leaderElection.safeParse(valueAt(value, ['leaderElection']));
  if (!read.success) return mistakes;
  const { leaseDuration, renewDeadline, retryPeriod } = read.data;
  const where = (...keys: readonly string[]) =>
    keys.map((key) => origin(`leaderElection.${key}`)).find((place) => place !== undefined);
  if (leaseDuration <= renewDeadline) {
    mistakes.push(
      `${where('renewDeadline', 'leaseDuration')}: the leader could still write when another replica takes over; make renewDeadline shorter than leaseDuration`,
    );
  }
  if (renewDeadline <= 1.2 * retryPeriod) {
    mistakes.push(
      `${where('retryPeriod', 'renewDeadline')}: one failed attempt would end the leadership; make renewDeadline more than 1.2 times retryPeriod`,
    );
  }
  return mistakes;
}

/** A token that would be sent to any process on the agents' port of a node: nothing proves that it is an agent. */
export function tokenMistakes(merged: Merged): string[] {
  const { origin, value } = merged;
  // A login with agents is refused above.
  const credential = origin('consul.token') ?? origin('consul.tokenFile');
  const consul = configSchema.shape.consul.safeParse(valueAt(value, ['consul']));
  const registration = configSchema.shape.registration.safeParse(valueAt(value, ['registration']));
  if (credential === undefined || !consul.success || !registration.success) return [];
  const { mode, agent } = registration.data;
  if (mode !== 'agent' || consul.data.allowPlaintextToken) return [];
  if (agent.scheme === 'https' && consul.data.verify) return [];
  const [where, remedy] =
    agent.scheme === 'http'
      ? ['registration.agent.scheme', 'over plain http; set registration.agent.scheme to "https"']
      : ['consul.verify', 'unverified; set consul.verify to true'];
  const place = origin(where) ?? origin('registration.mode');
  return [
    `${place}: the token (${credential}) would go to whatever listens on the agents' port of a node, ${remedy}, or consul.allowPlaintextToken to true if nothing else can listen there`,
  ];
}

/** Where the token, or the login that gives one, is set. */
const credentialOf = ({ origin }: Merged): string | undefined =>
  origin('consul.token') ?? origin('consul.tokenFile') ?? origin('consul.acl.authMethod');

/** Nobody else listens on the loopback of the machine. */
const isPlaintext = (address: string): boolean =>
  address.startsWith('http:') &&
  !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(address).hostname);

const tlsKeys = ['caFile', 'certFile', 'serverName'] as const;

/** Settings that are allowed and probably a mistake. `file`: the name of the configuration file, if there is one. */
export function crossWarnings(
  merged: Merged,
  { consul, compatibility: { consulK8s } }: Config,
  file: string | undefined,
): string[] {
  const { origin } = merged;
  const warnings: string[] = [];
  if (consulK8s.enabled && !consulK8s.ids && consulK8s.k8sTag !== '') {
    warnings.push(
      `${origin('compatibility.consulK8s.ids')}: while consul-k8s runs, it removes every instance with its tag ${quote(consulK8s.k8sTag)} and an id that it does not know; set ids to true, or k8sTag to "", until it is gone`,
    );
  }
  const plaintext = consul.addresses.find(isPlaintext);
  const credential = credentialOf(merged);
  if (credential !== undefined && plaintext !== undefined && !consul.allowPlaintextToken) {
    warnings.push(
      `${origin('consul.addresses')}: the token (${credential}) is sent to ${plaintext} over plain HTTP, where anyone on the network path can read it; use https, or set consul.allowPlaintextToken to true if the path is trusted`,
    );
  }
  const token = origin('consul.token');
  if (file !== undefined && token?.startsWith(`${file}:`)) {
    warnings.push(`${token}: a token in a configuration file is easily read by others; use consul.tokenFile`);
  }
  if (!consul.addresses.some((address) => address.startsWith('https:'))) {
    for (const key of tlsKeys) {
      const place = origin(`consul.${key}`);
      if (place !== undefined)
        warnings.push(`${place}: has no effect, because no address begins with https://`);
    }
  } else if (!consul.verify) {
    warnings.push(
      `${origin('consul.verify')}: anyone on the network path can impersonate Consul; only for tests`,
    );
  }
  return warnings;
}
