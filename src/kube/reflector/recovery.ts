import type { ErrorCode } from '../../lib/errors.ts';

/** What a reflector was doing when it failed. */
export type Phase = 'watch-list' | 'list' | 'watch';

export interface Failure {
  readonly phase: Phase;
  readonly code: ErrorCode;
  /** A line that cannot be read stood at this very resourceVersion before. */
  readonly repeated: boolean;
}

export interface Recovery {
  /** Read everything again, or go on watching where the watch ended. */
  readonly next: 'list' | 'watch';
  /**
   * `slow`: repeating soon will not help, somebody has to grant or install something first. Only at first it
   * may: an API server that starts refuses what it will allow once it has read its roles.
   */
  readonly wait: 'none' | 'backoff' | 'slow';
  /** Read the next lists by paginated LIST. */
  readonly avoidWatchList: boolean;
}

/**
 * What to do after a failure; there is always something.
 *
 * | while      | failure                     | next  | wait    |
 * |------------|-----------------------------|-------|---------|
 * | any        | 403, 404                    | same  | slow    |
 * | watch-list | refused (400, 422)          | LIST  | none    |
 * | watch-list | silent, unreadable          | LIST  | backoff |
 * | list       | refused                     | list  | slow    |
 * | watch      | 410, refused                | list  | backoff |
 * | watch      | unreadable line, repeatedly | list  | backoff |
 * | otherwise  |                             | same  | backoff |
 */
export function recoveryFrom({ phase, code, repeated }: Failure): Recovery {
  const same = phase === 'watch' ? 'watch' : 'list';
  if (code === 'forbidden' || code === 'not-found') {
    return { next: same, wait: 'slow', avoidWatchList: false };
  }
  switch (phase) {
    case 'watch-list':
      if (code === 'rejected') return { next: 'list', wait: 'none', avoidWatchList: true };
      return { next: 'list', wait: 'backoff', avoidWatchList: code === 'timeout' || code === 'protocol' };
    case 'list':
      return { next: 'list', wait: code === 'rejected' ? 'slow' : 'backoff', avoidWatchList: false };
    case 'watch': {
      const relist = code === 'gone' || code === 'rejected' || (code === 'protocol' && repeated);
      return { next: relist ? 'list' : 'watch', wait: 'backoff', avoidWatchList: false };
    }
  }
}
