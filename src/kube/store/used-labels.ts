import { mostLabels } from '../../desired/placeholders.ts';

/** Whether a rule uses labels of this key. */
export type UsesLabel = (key: string) => boolean;

const noLabels: Readonly<Record<string, string>> = {};

/** The labels that rules use, of as many as are looked at. */
export function usedLabels(labels = noLabels, uses: UsesLabel | undefined): Readonly<Record<string, string>> {
  if (uses === undefined) return noLabels;
  return Object.fromEntries(
    Object.entries(labels)
      .slice(0, mostLabels)
      .filter(([key]) => uses(key)),
  );
}
