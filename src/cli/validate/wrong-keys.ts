import { isField, servicesField } from '../../desired/fields.ts';
import { editDistance } from '../../lib/suggest.ts';
import type { ManifestMistake } from './manifest-mistake.ts';
import type { Manifest } from './manifests.ts';

/** Annotations of the operator in places where it does not read them. */
export function misplaced({ kind, declaring, strays }: Manifest, prefix: string): ManifestMistake[] {
  const right = new Set(declaring.flatMap(({ annotations }) => annotations.map(({ key }) => key)));
  const [{ place: belongs } = { place: '' }] = declaring;
  return strays.flatMap(({ key, place, line, column }) => {
    const name = key.startsWith(prefix) ? key.slice(prefix.length) : nameBehindMisspelt(key, prefix);
    if (name === undefined) return [];
    // A label or a selector may have the prefix for a reason of its own.
    if (!place.endsWith('annotations') && !isKnown(name)) return [];
    const meant = prefix + name;
    const isDouble = right.has(meant);
    const advice = isDouble
      ? `remove it: ${belongs} has it`
      : `move it to ${belongs}${key === meant ? '' : ` as ${meant}`}`;
    const message = `is in ${place} of the ${kind}, where it has no effect; ${advice}`;
    return [{ line, column, severity: isDouble ? 'warning' : 'error', field: name, message }];
  });
}

/** Annotations whose prefix was probably meant to be that of the operator. */
export function misspelt({ declaring }: Manifest, prefix: string): ManifestMistake[] {
  return declaring.flatMap(({ annotations }) =>
    annotations.flatMap(({ key, line, column }) => {
      const name = key.startsWith(prefix) ? undefined : nameBehindMisspelt(key, prefix);
      if (name === undefined) return [];
      const message = `the prefix of ${JSON.stringify(key)} is not the operator's; did you mean ${JSON.stringify(prefix + name)}?`;
      return [{ line, column, severity: isKnown(name) ? 'error' : 'warning', field: name, message }];
    }),
  );
}

const isKnown = (name: string): boolean => name === servicesField || isField(name);

/** Of a short prefix, fewer letters may be wrong: `acme.io` is not `acme.com`. */
const mostWrong = 2;
const lettersForEach = 6;

/** The name in a key whose prefix is nearly the right one, or lacks its last part; otherwise undefined. */
function nameBehindMisspelt(key: string, prefix: string): string | undefined {
  const slash = key.indexOf('/');
  if (slash < 0) return undefined;
  const [written, right] = [key.slice(0, slash).toLowerCase(), prefix.slice(0, -1).toLowerCase()];
  const limit = Math.min(mostWrong, Math.floor(right.length / lettersForEach));
  const isNear =
    Math.abs(written.length - right.length) <= limit && editDistance(written, right, limit) !== undefined;
  const lacksDomain = right.includes('.') && written === right.slice(0, right.indexOf('.'));
  return isNear || lacksDomain ? key.slice(slash + 1) : undefined;
}
