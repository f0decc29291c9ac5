import type { Random } from '../../lib/random.ts';

/** A UUID from the injected randomness, so that one seed gives the same ids. */
export function uuid(random: Random): string {
  const digits = (count: number) =>
    Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join('');
  return [8, 4, 4, 4, 12].map(digits).join('-');
}
