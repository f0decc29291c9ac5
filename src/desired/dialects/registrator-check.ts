import { ignore, literal, type NotFollowed, refuse } from './dialect.ts';

/** What becomes of registrator's `SERVICE_CHECK_…`. */
export interface RegistratorCheck {
  /** Fields of kube-registrar. */
  readonly fields: Readonly<Record<string, string>>;
  /** By the key in small letters: `check_ttl`. */
  readonly notFollowed: Readonly<Record<string, NotFollowed>>;
}

/** In the order in which it looks for them: the first decides. */
const kinds = ['http', 'https', 'cmd', 'script', 'ttl', 'tcp', 'grpc'] as const;

/** `read` gives a setting by its key in small letters; empty: there is none. */
export function registratorCheck(read: (key: string) => string, port: number): RegistratorCheck {
  const notFollowed: Readonly<Record<string, NotFollowed>> =
    read('check_initial_status') === ''
      ? {}
      : { check_initial_status: ignore('has no effect: an instance passes once its pod is ready') };
  const kind = kinds.find((each) => read(`check_${each}`) !== '');
  if (kind === undefined) return { fields: {}, notFollowed };
  const given = (key: string, field: string) => (read(key) === '' ? {} : { [field]: read(key) });
  const check = (target: Readonly<Record<string, string>>): RegistratorCheck => ({
    fields: {
      ...target,
      'check-interval': read('check_interval') || '10s',
      ...given('check_timeout', 'check-timeout'),
      ...given('check_deregister_after', 'deregister-critical-after'),
    },
    notFollowed,
  });
  const refused = (key: string, why: string): RegistratorCheck => ({
    fields: {},
    notFollowed: { [key]: refuse(`is not used: ${why}`, 'service') },
  });
  switch (kind) {
    case 'http':
    case 'https': {
      const method = `check_${kind}_method`;
      if (!['', 'GET'].includes(read(method).toUpperCase())) return refused(method, 'checks send GET');
      const path = literal(read(`check_${kind}`));
      return check({ 'check-http': kind === 'http' ? path : `https://:${port}${path}` });
    }
    case 'tcp':
      return check({ 'check-tcp': `${port}` });
    case 'grpc':
      if (read('check_grpc_use_tls') !== '')
        return refused('check_grpc_use_tls', 'gRPC checks do not use TLS');
      return check({ 'check-grpc': `${port}` });
    case 'ttl':
      return refused('check_ttl', 'nothing would report to the check of an instance with another id');
    case 'cmd':
    case 'script':
      return refused(`check_${kind}`, 'checks do not run programs; use a probe of the container');
  }
}
