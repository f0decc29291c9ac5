import type { Unstamped } from './catalog-writes.ts';
import { formatDuration } from './duration.ts';
import type { NodeService, ServiceAddress, StringMap, Weights } from './rows.ts';

export interface ServiceFields {
  readonly Kind: string;
  readonly ID: string;
  readonly Service: string;
  readonly Tags: readonly string[] | null;
  readonly Address: string;
  readonly TaggedAddresses: Readonly<Record<string, ServiceAddress>> | null;
  readonly Meta: StringMap | null;
  readonly Port: number;
  readonly Weights: Weights | undefined;
  readonly EnableTagOverride: boolean;
}

/** A service as the store keeps it. Weights outside 1–65535 become 1 and 1 without a word. */
export function nodeService(fields: ServiceFields): Unstamped<NodeService> {
  const { Passing, Warning } = fields.Weights ?? { Passing: 0, Warning: 0 };
  const valid = Passing >= 1 && Passing <= 65_535 && Warning >= 0 && Warning <= 65_535;
  const tagged = fields.TaggedAddresses ?? {};
  return {
    ...(fields.Kind === '' ? {} : { Kind: fields.Kind }),
    ID: fields.ID,
    Service: fields.Service,
    Tags: fields.Tags,
    Address: fields.Address,
    ...(Object.keys(tagged).length === 0 ? {} : { TaggedAddresses: tagged }),
    Meta: fields.Meta,
    ...(fields.Port === 0 ? {} : { Port: fields.Port }),
    Weights: valid ? { Passing, Warning } : { Passing: 1, Warning: 1 },
    EnableTagOverride: fields.EnableTagOverride,
    Proxy: { Mode: '', MeshGateway: {}, Expose: {} },
    Connect: {},
    PeerName: '',
  };
}

/** Written first, as Go's field order has it. */
const durations = ['Interval', 'Timeout', 'DeregisterCriticalServiceAfter'];

/** The parts of a check's definition that are set; durations (milliseconds) are written the Go way. */
export function definitionOf(fields: Readonly<Record<string, unknown>>): object {
  const result: Record<string, unknown> = {};
  const first = durations.map((name) => [name, fields[name]] as const);
  for (const [name, value] of [...first, ...Object.entries(fields)]) {
    const set = Array.isArray(value) ? value.length > 0 : Boolean(value);
    if (!set) continue;
    result[name] = typeof value === 'number' ? formatDuration(value) : value;
  }
  return result;
}

/** Why Consul refuses the naming or address of a service, and its id when it may be left out. */
export function serviceIdentity(
  id: string,
  service: string,
  address: string,
): { id: string } | { refused: string } {
  if (id === '' && service === '') {
    return {
      refused:
        'service name (Service.Service) is required; both Service ID (Service.ID) and Service Name cannot be empty',
    };
  }
  if (service === '') {
    return { refused: 'Must provide service name (Service.Service) when service ID is provided' };
  }
  if (['0.0.0.0', '::', '[::]'].includes(address)) return { refused: 'Invalid service address' };
  return { id: id === '' ? service : id };
}
