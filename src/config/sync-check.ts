import { glob } from '../desired/glob.ts';
import type { Merged } from './merge.ts';
import { type Config, configSchema } from './schema.ts';
import { valueAt } from './source.ts';

/** What `sync` asks for and cannot have where only some namespaces are watched, without cluster-wide rights. */
export function syncMistakes({ origin, value }: Merged): string[] {
  const sync = configSchema.shape.sync.safeParse(valueAt(value, ['sync']));
  const kubernetes = configSchema.shape.kubernetes.safeParse(valueAt(value, ['kubernetes']));
  if (!sync.success || !kubernetes.success || kubernetes.data.namespaces.length === 0) return [];
  const watched = kubernetes.data.namespaces;
  const mistakes: string[] = [];
  const needed = ['sync.namespaces.selector', 'sync.namespaceAnnotations'] as const;
  for (const key of needed) {
    const place = origin(key);
    if (
      place === undefined ||
      (key === 'sync.namespaceAnnotations' && sync.data.namespaceAnnotations.length === 0)
    )
      continue;
    mistakes.push(
      `${place}: needs cluster-wide rights to read Namespaces, which kubernetes.namespaces avoids; remove one of the two, or name namespaces in sync.namespaces.include`,
    );
  }
  const { include = [], exclude = [] } = sync.data.namespaces;
  const listed = watched.join(', ');
  for (const pattern of include) {
    if (watched.some(glob(pattern))) continue;
    mistakes.push(
      `${origin('sync.namespaces.include')}: "${pattern}" matches none of the watched namespaces; kubernetes.namespaces names ${listed}`,
    );
  }
  const isIn = (patterns: readonly string[], name: string) => patterns.some((pattern) => glob(pattern)(name));
  const included = include.length === 0 ? watched : watched.filter((name) => isIn(include, name));
  if (included.length > 0 && included.every((name) => isIn(exclude, name))) {
    mistakes.push(
      `${origin('sync.namespaces.exclude')}: excludes all watched namespaces; kubernetes.namespaces names ${listed}`,
    );
  }
  return mistakes;
}

/** Settings that have no effect without another. */
export function syncWarnings({ origin }: Merged, { sync }: Config): string[] {
  const idle = [
    ...(sync.default === 'none' ? ['sync.labelSelector'] : []),
    ...(sync.default === 'services' ? [] : ['sync.serviceTypes']),
  ];
  return idle.flatMap((key) => {
    const place = origin(key);
    const wanted = key === 'sync.serviceTypes' ? 'not "services"' : '"none"';
    return place === undefined ? [] : [`${place}: has no effect, because sync.default is ${wanted}`];
  });
}
