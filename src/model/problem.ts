/** The Kubernetes object something is said about. */
export interface ObjectRef {
  readonly kind: 'Pod' | 'Service' | 'EndpointSlice' | 'Node';
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
 * What is wrong with what a user asked for, or keeps Consul from being as it is wanted: shown as a Warning Event and
 * a log line with these fields.
 */
export interface Problem {
  readonly object: ObjectRef;
  readonly reason: (typeof problemReasons)[number];
  /** The annotation without the prefix (`port`, `services[1].meta.team`); empty when none is to blame. */
  readonly field: string;
  /** What is wrong and what to do: `port "htp" is not a container port; did you mean "http"?` */
  readonly message: string;
  /** `error`: something is not registered as asked. `warning`: that alone keeps nothing from being registered. */
  readonly severity: 'error' | 'warning';
}

/** Equal for problems that say the same of the same object. */
export const problemKey = ({ object, reason, field, message, severity }: Problem): string =>
  [object.kind, object.namespace, object.name, object.uid, field, severity, reason, message].join('\0');
