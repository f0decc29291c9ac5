import { freezeInstance, type HealthState, type ServiceInstance, worstState } from '../instance.ts';

/** An entry of `GET /v1/health/service/:service`, as far as it is read here. */
interface HealthEntry {
  readonly Node: { readonly Node: string; readonly Address?: string };
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    readonly Address?: string;
    readonly Port?: number;
    readonly Tags?: readonly string[] | null;
    readonly Meta?: Readonly<Record<string, string>> | null;
    readonly Weights?: { readonly Passing?: number; readonly Warning?: number };
  };
  readonly Checks?: readonly { readonly CheckID: string; readonly Status: string }[] | null;
}

function isHealthEntry(value: unknown): value is HealthEntry {
  const entry = value as Partial<HealthEntry> | null;
  return typeof entry?.Node?.Node === 'string' && typeof entry.Service?.ID === 'string';
}

/** Maintenance mode is a critical check with a reserved id (`structs.NodeMaint`, `ServiceMaintPrefix`). */
function checkState({ CheckID, Status }: { CheckID: string; Status: string }): HealthState {
  if (CheckID === '_node_maintenance' || CheckID.startsWith('_service_maintenance:')) return 'maintenance';
  return Status === 'passing' || Status === 'warning' ? Status : 'critical';
}

function weightIn(state: HealthState, weights: HealthEntry['Service']['Weights']): number {
  if (state === 'passing') return weights?.Passing ?? 1;
  return state === 'warning' ? (weights?.Warning ?? 1) : 0;
}

function toInstance({ Node, Service, Checks }: HealthEntry): ServiceInstance {
  const state = worstState((Checks ?? []).map(checkState));
  const meta = { ...Service.Meta };
  return freezeInstance({
    id: Service.ID,
    name: Service.Service,
    node: Node.Node,
    // A service registered without an address is reached at its node's.
    address: Service.Address || Node.Address || '',
    port: Service.Port ?? 0,
    protocol: meta['protocol'],
    tags: [...(Service.Tags ?? [])],
    meta,
    state,
    weight: weightIn(state, Service.Weights),
  });
}

/** The instances in the body of a health answer; throws a SyntaxError when it is not one. */
export function parseHealth(text: string): readonly ServiceInstance[] {
  const body: unknown = JSON.parse(text);
  if (!Array.isArray(body) || !body.every(isHealthEntry)) {
    throw new SyntaxError('the answer is not a list of service instances');
  }
  return body.map(toInstance);
}
