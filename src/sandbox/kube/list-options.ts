import { type Cause, forbiddenField, invalid } from './status.ts';

/** metav1.ListOptions as they come in the query. */
export interface ListOptions {
  readonly watch: boolean;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  /** 0 = no limit. */
  readonly limit: number;
  readonly continueToken: string;
  /** Empty = not given. */
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  /** 0 = the server's choice. */
  readonly timeoutSeconds: number;
}

const flag = (value: string | null) => value === 'true' || value === '1';

export function listOptions(query: URLSearchParams): ListOptions {
  const sendInitialEvents = query.get('sendInitialEvents');
  return {
    watch: flag(query.get('watch')),
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: Number(query.get('limit') ?? 0) || 0,
    continueToken: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    allowWatchBookmarks: flag(query.get('allowWatchBookmarks')),
    sendInitialEvents: sendInitialEvents === null ? undefined : flag(sendInitialEvents),
    timeoutSeconds: Number(query.get('timeoutSeconds') ?? 0) || 0,
  };
}

/** Throws a 422 for combinations the real server refuses (apimachinery ValidateListOptions). */
export function checkListOptions(options: ListOptions, watchListEnabled: boolean): void {
  const causes = options.watch ? watchCauses(options, watchListEnabled) : listCauses(options);
  if (causes.length > 0) throw invalid('ListOptions', 'meta.k8s.io', '', causes);
}

function listCauses(options: ListOptions): Cause[] {
  const { resourceVersionMatch: match, resourceVersion, continueToken, sendInitialEvents } = options;
  const causes: Cause[] = [];
  const refuse = (field: string, detail: string) => void causes.push(forbiddenField(field, detail));
  if (match !== '') {
    if (resourceVersion === '') {
      refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
    }
    if (continueToken !== '') {
      refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
    }
    if (match !== 'Exact' && match !== 'NotOlderThan')
      causes.push(unsupportedMatch(match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && resourceVersion === '0') {
      refuse('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  if (sendInitialEvents !== undefined) refuse('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  return causes;
}

function watchCauses(options: ListOptions, watchListEnabled: boolean): Cause[] {
  const { resourceVersionMatch: match, continueToken, sendInitialEvents } = options;
  const causes: Cause[] = [];
  const refuse = (field: string, detail: string) => void causes.push(forbiddenField(field, detail));
  if (sendInitialEvents !== undefined) {
    if (match !== 'NotOlderThan') {
      refuse(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      );
    }
    if (!watchListEnabled) {
      refuse(
        'sendInitialEvents',
        'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
      );
    }
  }
  if (match !== '') {
    if (sendInitialEvents === undefined) {
      refuse(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    }
    if (match !== 'NotOlderThan') causes.push(unsupportedMatch(match, ['NotOlderThan']));
    if (continueToken !== '') {
      refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
    }
  }
  return causes;
}

function unsupportedMatch(value: string, supported: readonly string[]): Cause {
  const choices = supported.map((choice) => JSON.stringify(choice)).join(', ');
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${choices}`,
    field: 'resourceVersionMatch',
  };
}
