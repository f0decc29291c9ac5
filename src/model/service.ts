export interface ServicePort {
  /** Empty when the port has no name; the EndpointSlice's port then has none either. */
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

/** The fields of a Service (core/v1) that are kept. */
export interface ServiceRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly deleting: boolean;
  readonly ports: readonly ServicePort[];
  /** Only annotations under our prefix, and without it. */
  readonly annotations: Readonly<Record<string, string>>;
}
