import type { ErrorCode } from '../../lib/errors.ts';

/** What a reflector was doing when it failed. */
export type Phase = 'watch-list' | 'list' | 'watch';

export interface Failure {
  readonly phase: Phase;
  readonly code: ErrorCode;
  /** Whether a line was unreadable at the same resourceVersion before. */
  readonly repeated: boolean;
}

export interface Recovery {
  /** Whether to read everything again, or to resume the watch where it ended. */
  readonly next: 'list' | 'watch';
  /**
   * `slow`: an early retry does not help, because a person has to grant or install something first. Only at first it
   * may: an API server that starts refuses everything until it has read its roles.
   */
  readonly wait: 'none' | 'backoff' | 'slow';
  /** Whether to read the next lists by a paginated LIST. */
  readonly avoidWatchList: boolean;
}

/**
 * What to do after a failure. The reflector never gives up.
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
