import type { CheckStatus } from '../../src/model/check.ts';
import { checkId, consulNodeName, serviceName } from '../../src/model/keys.ts';
import type { ObservedNode } from '../../src/plan/observed.ts';
import { applied, instance, readiness } from './entries.ts';

/** A node as Consul holds it: for each service, the statuses of its instances. */
export function anObserved(
  name: string,
  services: Readonly<Record<string, readonly CheckStatus[]>>,
  status: CheckStatus = 'passing',
): ObservedNode {
  const node = consulNodeName(name);
  const check = {
    id: 'kubernetes-node',
    name: 'Kubernetes node',
    type: 'kubernetes-node',
    output: '',
  } as const;
  const instances = Object.entries(services).flatMap(([service, statuses]) =>
    statuses.map((each, at) => {
      const pod = `${service}-${at}`;
      const id = `shop.${pod}.${name}.${service}.8080`;
      return instance(id, {
        service: serviceName(service),
        meta: { 'kube-namespace': 'shop', 'kube-pod': pod, 'kube-node': name },
        checks: [readiness(id, each, each === 'passing' ? '' : `containers of ${pod} are not ready`)],
      });
    }),
  );
  return applied(undefined, [
    {
      kind: 'put-node',
      node,
      effect: 'create',
      modifyIndex: 0,
      address: '192.168.0.1',
      taggedAddresses: {},
      meta: {},
    },
    { kind: 'put-node-check', node, effect: 'create', check: { ...check, id: checkId(check.id), status } },
    ...instances.map((each) => ({ kind: 'put-instance', node, effect: 'create', instance: each }) as const),
  ])!;
}
