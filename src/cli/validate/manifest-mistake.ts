import type { Position } from './documents.ts';

/** Something wrong with what a manifest asks for. */
export interface ManifestMistake extends Position {
  readonly severity: 'error' | 'warning';
  /** Without the prefix; empty when none is to blame. */
  readonly field: string;
  readonly message: string;
}
