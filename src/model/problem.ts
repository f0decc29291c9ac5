import { routeKinds } from './route.ts';

/** The kinds of object that a problem or an Event can be about. */
export const objectKinds = [
  'Pod',
  'Service',
  'EndpointSlice',
  'Node',
  'Namespace',
  'Gateway',
  ...routeKinds,
] as const;

/** A Kubernetes object that a problem or an Event is about. */
export interface ObjectRef {
  readonly kind: (typeof objectKinds)[number];
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Stable codes, the same in Events, logs and metrics. */
export const problemReasons = [
  'InvalidAnnotation',
  'ServiceNameDenied',
  'AnnotationDenied',
  'Conflict',
  'RegistrationFailed',
] as const;

/**
 * A mistake in what a user asked for, or an obstacle to writing it to Consul. It is shown as a Warning Event and as a
 * log line with these fields.
 */
export interface Problem {
  readonly object: ObjectRef;
  readonly reason: (typeof problemReasons)[number];
  /**
   * The annotation without the prefix (`port`, `services[1].meta.team`), or the whole key of another program's; empty
   * when no annotation is at fault.
   */
  readonly field: string;
  /** What is wrong and what to do: `port "htp" is not a container port; did you mean "http"?` */
  readonly message: string;
  /** `error`: something is not registered, or stays as it was. `warning`: everything can still be registered. */
  readonly severity: 'error' | 'warning';
}

/** Equal for problems with the same text about the same object. */
export const problemKey = ({ object, reason, field, message, severity }: Problem): string =>
  [object.kind, object.namespace, object.name, object.uid, field, severity, reason, message].join('\0');
