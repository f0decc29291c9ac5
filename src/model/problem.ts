/** The Kubernetes object something is said about. */
export interface ObjectRef {
  readonly kind: 'Pod' | 'Service' | 'EndpointSlice' | 'Node';
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/**
 * A mistake in what a user asked for: shown as a Warning Event and a log line with these fields.
 *
 * `reason` is a stable code, the same in Events, logs and metrics.
 */
export interface Problem {
  readonly object: ObjectRef;
  readonly reason: 'InvalidAnnotation' | 'ServiceNameDenied' | 'Conflict' | 'RegistrationFailed';
  /** The annotation without the prefix (`port`, `services[1].meta.team`); empty when none is to blame. */
  readonly field: string;
  /** What is wrong and what to do: `port "htp" is not a container port; did you mean "http"?` */
  readonly message: string;
  /** `error`: the service is not registered. `warning`: it is, and somebody should know. */
  readonly severity: 'error' | 'warning';
}
