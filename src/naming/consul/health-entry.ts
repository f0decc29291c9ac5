import { RegistrarError } from '../../lib/errors.ts';
import { freezeInstance, type HealthState, type ServiceInstance, worstState } from '../instance.ts';

/**
 * Reads the answer to `GET /v1/health/service/:service` (https://developer.hashicorp.com/consul/api-docs/health). Every
 * field that is used is checked here, so that a consumer never gets a number where the type says text. Go marshals an
 * empty list or map as null, or leaves it out.
 */

/** The instances in the parsed body of a health answer. Throws `protocol`, with the place, for anything else. */
export function healthInstances(entries: unknown): readonly ServiceInstance[] {
  return list('', entries).map((entry, at) => toInstance(`[${at}]`, object(`[${at}]`, entry)));
}

function toInstance(at: string, entry: Fields): ServiceInstance {
  const node = object(`${at}.Node`, entry['Node']);
  const service = object(`${at}.Service`, entry['Service']);
  const weights = service['Weights'] == null ? {} : object(`${at}.Service.Weights`, service['Weights']);
  const checks = list(`${at}.Checks`, entry['Checks'] ?? []);
  const state = worstState(checks.map((check, nth) => checkState(`${at}.Checks[${nth}]`, check)));
  const meta = texts(`${at}.Service.Meta`, service['Meta'] ?? {});
  const address = text(`${at}.Service.Address`, service['Address'] ?? '');
  return freezeInstance({
    id: text(`${at}.Service.ID`, service['ID']),
    name: text(`${at}.Service.Service`, service['Service']),
    node: text(`${at}.Node.Node`, node['Node']),
    // A service without an address is reached at the address of its node.
    address: address || text(`${at}.Node.Address`, node['Address'] ?? ''),
    port: whole(`${at}.Service.Port`, service['Port'] ?? 0),
    protocol: meta['protocol'],
    tags: list(`${at}.Service.Tags`, service['Tags'] ?? []).map((tag, nth) =>
      text(`${at}.Service.Tags[${nth}]`, tag),
    ),
    meta,
    state,
    weight: weightIn(state, {
      passing: whole(`${at}.Service.Weights.Passing`, weights['Passing'] ?? 1),
      warning: whole(`${at}.Service.Weights.Warning`, weights['Warning'] ?? 1),
    }),
  });
}

/** Maintenance mode is a critical check with a reserved id (`structs.NodeMaint`, `ServiceMaintPrefix`). */
function checkState(at: string, check: unknown): HealthState {
  const fields = object(at, check);
  const id = text(`${at}.CheckID`, fields['CheckID']);
  const status = text(`${at}.Status`, fields['Status']);
  if (id === '_node_maintenance' || id.startsWith('_service_maintenance:')) return 'maintenance';
  return status === 'passing' || status === 'warning' ? status : 'critical';
}

function weightIn(state: HealthState, { passing, warning }: { passing: number; warning: number }): number {
  if (state === 'passing') return passing;
  return state === 'warning' ? warning : 0;
}

type Fields = Readonly<Record<string, unknown>>;

function object(at: string, value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  return wrong(at, 'an object', value);
}

function list(at: string, value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : wrong(at, 'a list', value);
}

function text(at: string, value: unknown): string {
  return typeof value === 'string' ? value : wrong(at, 'a text', value);
}

function whole(at: string, value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : wrong(at, 'a whole number', value);
}

/** An error does not name the keys: they can be anything that the answer holds. */
function texts(at: string, value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(object(at, value)).map(([key, each]) => [key, text(at, each)]));
}

/** An error names only the type of what came: an answer may repeat secrets. */
function wrong(at: string, expected: string, value: unknown): never {
  const came =
    value == null
      ? 'nothing'
      : Array.isArray(value)
        ? 'a list'
        : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
  throw new RegistrarError('protocol', `the answer${at}: expected ${expected}, got ${came}`);
}
