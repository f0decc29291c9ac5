import { freezeInstance, type HealthState, type ServiceInstance } from './instance.ts';
import { NamingError } from './naming-error.ts';

/** A service to be registered. */
export interface Registration {
  /** Unique within the node; registering it again replaces the earlier registration. */
  readonly id: string;
  /** The service's name, by which it is found. */
  readonly name: string;
  /** Host name or IP address at which consumers reach it. */
  readonly address: string;
  /** 1–65535. */
  readonly port: number;
  /** `tcp`, `http`, `grpc`, `ws` …; kept in meta `protocol`. */
  readonly protocol?: string;
  /** Default none. */
  readonly tags?: readonly string[];
  /**
   * At most 64 keys of `[A-Za-z0-9_-]{1,128}`, values of at most 512 bytes. `health_url` asks for an HTTP
   * check `<id>_normal` (interval 10 s, timeout 1 s, deregistered after 20 s of failure). The instance is critical
   * until that check has passed.
   */
  readonly meta?: Readonly<Record<string, string>>;
  /** Share of the traffic, 1–65535. Default 1. */
  readonly weight?: number;
}

const metaKey = /^[A-Za-z0-9_-]{1,128}$/;

function* problems({ id, name, address, port, weight = 1 }: Registration, meta: Record<string, string>) {
  if (id === '') yield 'id is empty';
  if (name === '') yield 'name is empty';
  if (address === '') yield 'address is empty';
  if (!Number.isInteger(port) || port < 1 || port > 65_535) yield `port ${port} is not within 1–65535`;
  if (!Number.isInteger(weight) || weight < 1 || weight > 65_535)
    yield `weight ${weight} is not within 1–65535`;
  if (Object.keys(meta).length > 64)
    yield `meta has ${Object.keys(meta).length} keys, at most 64 are allowed`;
  for (const [key, value] of Object.entries(meta)) {
    if (!metaKey.test(key)) yield `meta key ${JSON.stringify(key)} does not match [A-Za-z0-9_-]{1,128}`;
    if (Buffer.byteLength(value) > 512) yield `the value of meta ${JSON.stringify(key)} exceeds 512 bytes`;
  }
  const url = meta['health_url'];
  if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    yield `meta health_url ${JSON.stringify(url)} is not an http or https URL`;
  }
}

/** The meta as it is stored, with the protocol. */
export function registeredMeta({ meta = {}, protocol }: Registration): Record<string, string> {
  return protocol === undefined ? { ...meta } : { ...meta, protocol };
}

/** Throws `invalid` with a list of everything that is wrong. */
export function checkRegistration(registration: Registration): void {
  const found = [...problems(registration, registeredMeta(registration))];
  if (found.length > 0) {
    throw new NamingError('invalid', `cannot register "${registration.id}": ${found.join('; ')}`);
  }
}

/** The instance that consumers find after `registration` on `node`. */
export function registeredInstance(
  registration: Registration,
  node: string,
  state: HealthState,
): ServiceInstance {
  const meta = registeredMeta(registration);
  const { id, name, address, port, tags = [], weight = 1 } = registration;
  return freezeInstance({
    id,
    name,
    node,
    address,
    port,
    protocol: meta['protocol'],
    tags: [...tags],
    meta,
    state,
    weight: state === 'passing' || state === 'warning' ? weight : 0,
  });
}
