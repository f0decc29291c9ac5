import { configKeys } from './keys.ts';
import { type ConfigSource, setAt, valueAt } from './source.ts';

/** Several sources merged. */
export interface Merged {
  /** In the shape of the file; keys nobody set are absent. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Where the value of a key comes from, for messages; undefined when nobody set it. */
  origin(key: string): string | undefined;
}

/**
 * Puts sources together, given in rising order: for each key the highest wins. A token and a token file count as
 * one key, so that a token in the environment replaces the file of the configuration.
 */
export function merge(sources: readonly ConfigSource[]): Merged {
  const value: Record<string, unknown> = {};
  const ranks = new Map<string, number>();
  for (const { name, path } of configKeys) {
    const rank = sources.findLastIndex((source) => valueAt(source.value, path) !== undefined);
    if (rank >= 0) {
      ranks.set(name, rank);
      setAt(value, path, valueAt(sources[rank]!.value, path));
    }
  }
  const [token, tokenFile] = [ranks.get('consul.token'), ranks.get('consul.tokenFile')];
  if (token !== undefined && tokenFile !== undefined && token !== tokenFile) {
    const loser = token > tokenFile ? 'tokenFile' : 'token';
    delete (value['consul'] as Record<string, unknown>)[loser];
    ranks.delete(`consul.${loser}`);
  }
  return {
    value,
    origin(key) {
      const rank = ranks.get(key);
      return rank === undefined ? undefined : sources[rank]!.where(key.split('.'));
    },
  };
}
