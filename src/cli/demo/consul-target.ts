import type { LoadedConfig } from '../../config/load.ts';
import type { ConsulApi } from '../../consul/consul-api.ts';
import type { Transport } from '../../lib/transport.ts';

/** The Consul that the demo works on. Disposing of it ends what was started for it. */
export interface ConsulTarget extends AsyncDisposable {
  /** Where it is, for people: `in memory`, `http://127.0.0.1:8500`. */
  readonly label: string;
  /** What is written where, in one line: people read it before the first write. */
  readonly notice: string;
  /** The operator's configuration, which names this Consul and its credentials. */
  readonly loaded: LoadedConfig;
  /** Put before the names of services: others may use this Consul too. */
  readonly prefix: string;
  /** The operator's connection; the operator adds its token itself. */
  readonly operator: Transport;
  /** A connection for the other clients, with the token and the scope of every request. */
  connect(): ConsulApi;
  /** Origin of its HTTP API for other processes. A Consul in memory opens its port at the first call. */
  origin(): Promise<string>;
  /** Removes what was registered for the cluster with this uid, where it would stay otherwise. */
  cleanUp(owner: string, signal: AbortSignal): Promise<void>;
}
