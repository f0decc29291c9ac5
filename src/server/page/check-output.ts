import type { ObservedCheck } from '../../plan/observed.ts';

/** Characters of an output that are shown. */
const longest = 500;

/**
 * The output of a check as anybody may read it. A probe's output ends with what the probed server answered, and it may
 * name a URL with a query: both may hold what is not for everybody, and are left out.
 */
export function shownOutput({ type, output }: Pick<ObservedCheck, 'type' | 'output'>): string {
  const isOwn = type.startsWith('kubernetes-') || type === 'maintenance';
  const shown = isOwn ? output : withoutAnswer(output);
  return shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
}

/** `HTTP GET http://10.0.0.1:8080/health?key=1: 500 Internal Server Error Output: …` */
function withoutAnswer(output: string): string {
  const [said = ''] = output.split(/\bOutput:/u, 1);
  return said.trim().replaceAll(/\?[^\s:]*/gu, '?…');
}
