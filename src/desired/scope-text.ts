import type { ServiceRecord } from '../model/service.ts';
import { glob } from './glob.ts';
import { quote } from './mistake.ts';
import type { NotByDefault, SyncRules } from './sync-rules.ts';

/** Why an object is left out by the default; undefined for what needs no words. */
const reasons: Readonly<Record<NotByDefault, string | undefined>> = {
  off: undefined,
  own: undefined,
  namespace: 'sync.default excludes its namespace, which is a system namespace',
  api: 'sync.default excludes the Service of the API server',
  type: 'sync.default excludes its type, which sync.serviceTypes does not name',
  labels: 'sync.default excludes it: it does not have the labels of sync.labelSelector',
  ports: 'sync.default excludes it: it declares no port',
  workload: 'sync.default excludes it: it belongs to a Job, or its node runs it by itself',
};

/**
 * What the configuration and the Namespace make of an object: `record` as it counts. `notByDefault`: why it is not
 * registered by default.
 */
export function scopeTexts(
  { namespace, annotations, scope }: Pick<ServiceRecord, 'namespace' | 'annotations' | 'scope'>,
  notByDefault: NotByDefault | undefined,
  rules: Pick<SyncRules, 'default' | 'namespaces'>,
): string[] {
  const nothing = `nothing in namespace ${namespace} is registered`;
  switch (scope?.outside) {
    case 'excluded': {
      const isExcluded = rules.namespaces.exclude?.some((pattern) => glob(pattern)(namespace)) === true;
      const why = isExcluded
        ? 'sync.namespaces.exclude names it'
        : 'sync.namespaces.include does not name it';
      return [`${nothing}: ${why}`];
    }
    case 'unselected':
      return [
        `${nothing}: it does not have the labels of sync.namespaces.selector (${rules.namespaces.selector})`,
      ];
    case 'unknown':
      return [`${nothing} anew, and existing registrations stay: the Namespace has not been read`];
    case undefined:
  }
  const lines: string[] = [];
  if (scope?.byDefault === true) {
    const { port } = annotations;
    const first = port === undefined ? '' : `, by port ${quote(port)}`;
    lines.push(`is registered by sync.default: ${rules.default}${first}`);
  }
  const why = notByDefault && reasons[notByDefault];
  if (why !== undefined) lines.push(why);
  if (scope?.defaults !== undefined) {
    lines.push(
      `takes from its Namespace, where it says nothing itself: ${Object.keys(scope.defaults).join(', ')}`,
    );
  }
  return lines;
}
