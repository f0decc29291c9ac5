/** A condition in a status; one that is missing is `Unknown`. */
export interface StatusCondition {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export interface GatewayListener {
  readonly name: string;
  /** May begin with `*.`; empty: every host. */
  readonly hostname: string;
  readonly port: number;
  /** `HTTP`, `HTTPS`, `TLS` and others. */
  readonly protocol: string;
  /** Only routes of the Gateway's own namespace may attach to it, which is the default. */
  readonly ownNamespaceOnly: boolean;
  /** Kinds of routes that may attach to it; empty: those that fit the protocol. */
  readonly kinds: readonly string[];
  /** Its condition Programmed. */
  readonly programmed: StatusCondition;
}

/** The fields that are kept of a Gateway (gateway.networking.k8s.io/v1). */
export interface GatewayRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly deleting: boolean;
  /** IP addresses and host names in `status.addresses`. */
  readonly addresses: readonly string[];
  readonly listeners: readonly GatewayListener[];
  readonly accepted: StatusCondition;
  readonly programmed: StatusCondition;
}
