/** The fields of a Namespace (core/v1) that are kept. Namespaces are watched only where the configuration needs them. */
export interface NamespaceRecord {
  readonly uid: string;
  readonly name: string;
  readonly resourceVersion: string;
  /** Only those that the configured selector asks for. */
  readonly labels: Readonly<Record<string, string>>;
  /** Only annotations under our prefix, and without it. */
  readonly annotations: Readonly<Record<string, string>>;
}
