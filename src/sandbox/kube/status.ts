import { defined, type JsonRecord } from './object.ts';
import type { Resource } from './resources.ts';

/** One reason for a 422: `reason` is a machine's word (FieldValueRequired), `field` a path in the object. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** A refusal, to be answered as a metav1.Status of kind Failure. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  /** `metadata.continue` of the answer: an expired list offers how to go on without consistency. */
  readonly continueToken: string | undefined;

  constructor(
    code: number,
    reason: string,
    message: string,
    details?: StatusDetails,
    continueToken?: string,
  ) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.continueToken = continueToken;
  }

  body(): JsonRecord {
    return defined({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: defined({ continue: this.continueToken }),
      status: 'Failure',
      message: this.message,
      reason: this.reason === '' ? undefined : this.reason,
      details: this.details,
      code: this.code,
    });
  }
}

/** The answer to a deletion or a binding that has no object to show. */
export function success(code: number, details?: StatusDetails): JsonRecord {
  return defined({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details,
    code: code === 200 ? undefined : code,
  });
}

/** `pods`, `deployments.apps`: a group resource as messages name it. */
const qualified = ({ group, plural }: Resource) => (group === '' ? plural : `${plural}.${group}`);
const details = ({ group, plural }: Resource, name: string): StatusDetails => ({
  ...(name === '' ? {} : { name }),
  ...(group === '' ? {} : { group }),
  kind: plural,
});

export function notFound(resource: Resource, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, details(resource, name));
}

export function alreadyExists(resource: Resource, name: string): ApiError {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new ApiError(409, 'AlreadyExists', message, details(resource, name));
}

export const staleMessage =
  'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(resource: Resource, name: string, why = staleMessage): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError(409, 'Conflict', message, details(resource, name));
}

/** Deletion preconditions are checked where only the kind is known, so the kind stands for the resource. */
export function preconditionFailed({ group, kind }: Resource, name: string, why: string): ApiError {
  const subject = group === '' ? kind : `${kind}.${group}`;
  return new ApiError(409, 'Conflict', `Operation cannot be fulfilled on ${subject} "${name}": ${why}`, {
    name,
    ...(group === '' ? {} : { group }),
    kind,
  });
}

export function invalid(kind: string, group: string, name: string, causes: readonly Cause[]): ApiError {
  const lines = causes.map(({ field, message }) => `${field}: ${message}`);
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const subject = group === '' ? kind : `${kind}.${group}`;
  return new ApiError(422, 'Invalid', `${subject} "${name}" is invalid: ${text}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind,
    causes,
  });
}

export const required = (field: string, detail = ''): Cause => ({
  reason: 'FieldValueRequired',
  message: detail === '' ? 'Required value' : `Required value: ${detail}`,
  field,
});

export const invalidValue = (field: string, value: unknown, detail: string): Cause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${detail}`,
  field,
});

export const forbiddenField = (field: string, detail: string): Cause => ({
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${detail}`,
  field,
});

export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message);
export const expired = (message: string, token?: string): ApiError =>
  new ApiError(410, 'Expired', message, undefined, token);
export const unauthorized = (): ApiError => new ApiError(401, 'Unauthorized', 'Unauthorized');
export const noSuchResource = (): ApiError =>
  new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
export const methodNotAllowed = (): ApiError =>
  new ApiError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );

export function tooLargeResourceVersion(asked: number, current: number): ApiError {
  const message = `Timeout: Too large resource version: ${asked}, current: ${current}`;
  return new ApiError(504, 'Timeout', message, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

export interface ForbiddenAction {
  readonly user: string;
  readonly verb: string;
  readonly group: string;
  /** With the subresource: `pods/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export function forbidden({ user, verb, group, resource, namespace, name }: ForbiddenAction): ApiError {
  const plural = resource.split('/')[0] ?? resource;
  const subject = group === '' ? plural : `${plural}.${group}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const what = name === '' ? subject : `${subject} "${name}"`;
  return new ApiError(
    403,
    'Forbidden',
    `${what} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`,
    { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: plural },
  );
}

export function namespaceTerminating(resource: Resource, name: string, namespace: string): ApiError {
  const message =
    `${qualified(resource)} "${name}" is forbidden: unable to create new content in namespace ${namespace}` +
    ' because it is being terminated';
  return new ApiError(403, 'Forbidden', message, {
    ...details(resource, name),
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  });
}
