import { type DraftObject, isRecord, type JsonRecord, type KubeObject, sameJson, valueAt } from './object.ts';
import type { Resource } from './resources.ts';
import { type Cause, forbiddenField, invalid, invalidValue, required } from './status.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with" +
  " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and" +
  " end with an alphanumeric character (e.g. 'example.com', regex used for validation is" +
  " '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** Fields without which the real server refuses an object, by kind: the commonest of its checks. */
const requiredFields: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec.containers'],
  Service: ['spec.ports'],
  EndpointSlice: ['addressType'],
  Deployment: ['spec.selector'],
  ReplicaSet: ['spec.selector'],
  StatefulSet: ['spec.selector'],
};

/** Throws a 422 that lists everything wrong with an object about to be stored. */
export function validate(resource: Resource, object: DraftObject, previous?: KubeObject): void {
  const causes = [...nameCauses(resource, object), ...requiredCauses(resource, object)];
  if (resource.kind === 'Pod') causes.push(...containerCauses(object));
  if (resource.kind === 'Event' && resource.group !== '') causes.push(...eventCauses(object));
  if (previous !== undefined) causes.push(...updateCauses(resource, object, previous));
  if (causes.length > 0) throw invalid(resource.kind, resource.group, object.metadata?.name ?? '', causes);
}

function nameCauses(resource: Resource, { metadata }: DraftObject): Cause[] {
  const name = metadata?.name ?? '';
  if (name === '') return [required('metadata.name', 'name or generateName is required')];
  const strict = resource.kind === 'Namespace' || resource.kind === 'Service';
  const [form, rule, most] = strict
    ? ([label, labelRule, 63] as const)
    : ([subdomain, subdomainRule, 253] as const);
  if (name.length > most)
    return [invalidValue('metadata.name', name, `must be no more than ${most} characters`)];
  return form.test(name) ? [] : [invalidValue('metadata.name', name, rule)];
}

function requiredCauses({ kind }: Resource, object: DraftObject): Cause[] {
  return (requiredFields[kind] ?? [])
    .filter((field) => {
      const value = valueAt(object, field);
      const portless =
        field === 'spec.ports' &&
        (valueAt(object, 'spec.clusterIP') === 'None' || valueAt(object, 'spec.type') === 'ExternalName');
      return (
        !portless && (value === undefined || value === '' || (Array.isArray(value) && value.length === 0))
      );
    })
    .map((field) => required(field));
}

function containerCauses(pod: DraftObject): Cause[] {
  const containers = valueAt(pod, 'spec.containers');
  if (!Array.isArray(containers)) return [];
  return containers.flatMap((container: unknown, index) =>
    ['name', 'image']
      .filter((field) => !isRecord(container) || !container[field])
      .map((field) => required(`spec.containers[${index}].${field}`)),
  );
}

function eventCauses(event: DraftObject): Cause[] {
  // Stored under core/v1's names, reported under those of events.k8s.io/v1.
  return ['eventTime', 'reportingComponent', 'reportingInstance', 'action', 'reason', 'type']
    .filter((field) => !event[field])
    .map((field) => required(field === 'reportingComponent' ? 'reportingController' : field));
}

function updateCauses(resource: Resource, object: DraftObject, previous: KubeObject): Cause[] {
  switch (resource.kind) {
    case 'Pod':
      return sameJson(fixedPodSpec(object), fixedPodSpec(previous))
        ? []
        : [
            forbiddenField(
              'spec',
              'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
                '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
                '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
            ),
          ];
    case 'EndpointSlice':
      return immutable('addressType', object, previous);
    case 'Deployment':
    case 'ReplicaSet':
      return immutable('spec.selector', object, previous);
    default:
      return [];
  }
}

function immutable(field: string, object: DraftObject, previous: KubeObject): Cause[] {
  const value = valueAt(object, field);
  return sameJson(value, valueAt(previous, field)) ? [] : [invalidValue(field, value, 'field is immutable')];
}

/** The part of a pod's spec that never changes once the pod exists. */
function fixedPodSpec(pod: DraftObject): unknown {
  const spec: JsonRecord = isRecord(pod['spec']) ? pod['spec'] : {};
  const { activeDeadlineSeconds: _, tolerations: __, schedulingGates: ___, ...rest } = spec;
  const withoutImage = (items: unknown) =>
    Array.isArray(items) ? items.map((item) => (isRecord(item) ? { ...item, image: '' } : item)) : items;
  return {
    ...rest,
    containers: withoutImage(spec['containers']),
    initContainers: withoutImage(spec['initContainers']),
  };
}
