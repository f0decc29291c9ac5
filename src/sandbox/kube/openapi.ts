import type { JsonRecord } from './object.ts';
import { apiVersionOf, type Resource, resources } from './resources.ts';

/** `/openapi/v3`: where the document of each group is. */
export function openApiRoot(): JsonRecord {
  const names = new Set(resources.map(groupPath));
  return {
    paths: Object.fromEntries([...names].map((name) => [name, { serverRelativeURL: `/openapi/v3/${name}` }])),
  };
}

/**
 * `/openapi/v3/api/v1` and the like, with as much as kubectl looks for before it writes: which kinds there are, and
 * that the server looks after their fields. Fields are not described, and unknown ones are kept as they come.
 */
export function openApiOf(group: string, version: string): JsonRecord {
  const served = resources.filter((resource) => resource.group === group && resource.version === version);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: Object.fromEntries(served.map((resource) => [itemPath(resource), { patch: patchOf(resource) }])),
    components: {
      schemas: Object.fromEntries(served.map((resource) => [resource.kind, schemaOf(resource)])),
    },
  };
}

const groupPath = (resource: Resource): string =>
  `${resource.group === '' ? 'api' : 'apis'}/${apiVersionOf(resource)}`;

const itemPath = (resource: Resource): string =>
  `/${groupPath(resource)}/${resource.namespaced ? 'namespaces/{namespace}/' : ''}${resource.plural}/{name}`;

const typeOf = ({ group, version, kind }: Resource): JsonRecord => ({ group, version, kind });

const patchOf = (resource: Resource): JsonRecord => ({
  parameters: ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
    name,
    in: 'query',
    schema: { type: name === 'force' ? 'boolean' : 'string' },
  })),
  responses: { 200: { description: 'OK' } },
  'x-kubernetes-action': 'patch',
  'x-kubernetes-group-version-kind': typeOf(resource),
});

const schemaOf = (resource: Resource): JsonRecord => ({
  type: 'object',
  'x-kubernetes-group-version-kind': [typeOf(resource)],
  'x-kubernetes-preserve-unknown-fields': true,
});
