import type { PodRecord } from '../model/pod.ts';
import type { ObjectRef } from '../model/problem.ts';
import { additionsOf } from './additions.ts';
import type { Declaration } from './declaration.ts';
import { badPort, declaredInstances, notServed } from './declared-instances.ts';
import { endpointServing } from './endpoint-serving.ts';
import { withEveryPort } from './every-port.ts';
import { isFinished, podCondition } from './health.ts';
import { podInstanceId } from './identity.ts';
import { toProblems } from './mistake.ts';
import type { NodeFacts } from './node-facts.ts';
import type { DesiredContext } from './options.ts';
import type { Placeholders } from './placeholders.ts';
import { declaredPodPort, resolvePodPort } from './ports.ts';
import { byDefault, isUnknown, nothing, type SourceResult } from './source.ts';
import type { PortRef } from './values.ts';

/** The instances a pod's own annotations ask for. */
export function podInstances(pod: PodRecord, node: NodeFacts, context: DesiredContext): SourceResult {
  if (isFinished(pod) || Object.keys(pod.annotations).length === 0) return nothing;
  const { namespace, name, uid } = pod;
  const object: ObjectRef = { kind: 'Pod', namespace, name, uid };
  const places: Placeholders = {
    podName: name,
    podNamespace: namespace,
    podLabels: pod.labels,
    nodeName: node.name,
    nodeZone: node.zone,
    nodeRegion: node.region,
    clusterName: context.clusterName,
  };
  const described = context.describePod(pod, places);
  const declared = withEveryPort(described, pod.ports, 'the pod');
  // This is neither an error nor stale: the pod's sandbox is not there yet, or is gone for good.
  if (pod.ips.length === 0) {
    const { mistakes, services } = declared;
    return { object, instances: [], stale: [], problems: toProblems(object, mistakes), services };
  }
  const backend = {
    object,
    origin: { namespace, pod: name, podUid: uid, service: '', byDefault: byDefault(pod) },
    isKept: isUnknown(pod),
    condition: podCondition(pod),
    pod,
    places,
    additions: additionsOf(places, () => pod.labels, context),
    serving: (declaration: Declaration) => {
      const resolved = resolvePodPort(declaration.port, pod.ports);
      if ('refused' in resolved) return notServed(badPort(declaration, resolved.refused));
      const port = resolved.value;
      const own = {
        id: podInstanceId(pod, declaration.service, port),
        addresses: pod.ips,
        port,
        declaredPort: (ref: PortRef) => declaredPodPort(ref, pod.ports, port),
      };
      return endpointServing(declaration, own, pod, node, context);
    },
  };
  return declaredInstances(declared, backend, node, context);
}
