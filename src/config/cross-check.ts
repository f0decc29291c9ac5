import type { Merged } from './merge.ts';
import { type Config, configSchema } from './schema.ts';
import { valueAt } from './source.ts';

/** What is wrong with keys that are right by themselves. */
export function crossMistakes({ origin, value }: Merged): string[] {
  const mistakes: string[] = [];
  const [token, tokenFile] = [origin('consul.token'), origin('consul.tokenFile')];
  if (token !== undefined && tokenFile !== undefined) {
    mistakes.push(`${token}: there is a token file too (${tokenFile}); keep one of the two`);
  }
  const login = origin('consul.acl.authMethod');
  const mode = origin('registration.mode');
  if (login !== undefined && mode !== undefined && valueAt(value, ['registration', 'mode']) === 'agent') {
    mistakes.push(
      `${login}: agents go on using the token of a registration, and that of a login ends; use consul.tokenFile with registration.mode "agent"`,
    );
  }
  if (login !== undefined && (token ?? tokenFile) !== undefined) {
    mistakes.push(`${login}: there is a token too (${token ?? tokenFile}); keep the login or the token`);
  }
  const [cert, key] = [origin('consul.certFile'), origin('consul.keyFile')];
  if (cert !== undefined && key === undefined) {
    mistakes.push(`${cert}: a certificate without its key; set consul.keyFile too`);
  }
  if (key !== undefined && cert === undefined) {
    mistakes.push(`${key}: a key without its certificate; set consul.certFile too`);
  }
  return mistakes;
}

/**
 * What is wrong with values that are right by themselves, each with the key to change. A section with other
 * mistakes in it is not looked at.
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
      `${where('renewDeadline', 'leaseDuration')}: the leader would go on until others take over; make renewDeadline shorter than leaseDuration`,
    );
  }
  if (renewDeadline <= 1.2 * retryPeriod) {
    mistakes.push(
      `${where('retryPeriod', 'renewDeadline')}: one failed attempt would cost the lead; make renewDeadline more than 1.2 times retryPeriod`,
    );
  }
  return mistakes;
}

const tlsKeys = ['caFile', 'certFile', 'serverName'] as const;

/** What is allowed and probably not meant. `file`: the name of the configuration file, if there is one. */
export function crossWarnings({ origin }: Merged, { consul }: Config, file: string | undefined): string[] {
  const warnings: string[] = [];
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
    warnings.push(`${origin('consul.verify')}: anybody on the way can pose as Consul; only for tests`);
  }
  return warnings;
}
