import type { JsonRecord } from './object.ts';
import { type Resource, resources } from './resources.ts';
import { containerParts } from './target.ts';

const readAndWrite = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** What `kubectl get all` gets. */
const inAll = new Set([
  'Pod',
  'Service',
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'CronJob',
]);

/** `/api`. */
export const coreVersions: JsonRecord = { kind: 'APIVersions', versions: ['v1'] };

/** `/apis`. */
export function apiGroups(): JsonRecord {
  const names = new Set(resources.map(({ group }) => group).filter((group) => group !== ''));
  names.add('authorization.k8s.io');
  const groups = [...names].map((name) => {
    const version = { groupVersion: `${name}/v1`, version: 'v1' };
    return { name, versions: [version], preferredVersion: version };
  });
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** `/api/v1` and `/apis/GROUP/VERSION`. */
export function groupResources(group: string, version: string): JsonRecord {
  const served = resources.filter((resource) => resource.group === group && resource.version === version);
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: served.flatMap(described),
  };
}

/** `/apis/authorization.k8s.io/v1`: what clients ask before they act. */
export const authorizationResources: JsonRecord = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: 'authorization.k8s.io/v1',
  resources: [
    {
      name: 'selfsubjectaccessreviews',
      singularName: 'selfsubjectaccessreview',
      namespaced: false,
      kind: 'SelfSubjectAccessReview',
      verbs: ['create'],
    },
  ],
};

function described({ plural, kind, namespaced, shortNames, status, scale }: Resource): JsonRecord[] {
  const base = { singularName: kind.toLowerCase(), namespaced, kind };
  const rows: JsonRecord[] = [
    {
      name: plural,
      ...base,
      verbs: readAndWrite,
      ...(shortNames.length > 0 ? { shortNames } : {}),
      ...(inAll.has(kind) ? { categories: ['all'] } : {}),
    },
  ];
  if (status) {
    rows.push({
      name: `${plural}/status`,
      singularName: '',
      namespaced,
      kind,
      verbs: ['get', 'patch', 'update'],
    });
  }
  if (kind === 'Pod') {
    for (const part of containerParts) {
      const verbs = part === 'log' ? ['get'] : ['create', 'get'];
      rows.push({ name: `pods/${part}`, singularName: '', namespaced, kind, verbs });
    }
  }
  if (scale) {
    rows.push({
      name: `${plural}/scale`,
      singularName: '',
      namespaced,
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
      verbs: ['get', 'patch', 'update'],
    });
  }
  return rows;
}
