/**
 * How many of the connections to one Consul server each use gets. Consul grants one client address 200
 * (`http_max_conns_per_client`), and everything behind one NAT gateway or load balancer is one address.
 */
export interface ConnectionBudget {
  readonly logins: number;
  readonly writes: number;
  readonly reads: number;
  /** Blocking queries. */
  readonly waits: number;
}

/** Four transactions in flight, one for the session of the heartbeat, and one spare. */
const writes = 6;
const reads = 6;
/** For the list of nodes, for all services and for all checks. */
export const sharedWaits = 3;

/** The fewest with which everything works: one node gets a blocking query of its own. */
export const leastConnections = writes + reads + sharedWaits + 2;

/** `connections`: most at the same time, at least `leastConnections`. */
export function connectionBudget(connections: number, hasLogin: boolean): ConnectionBudget {
  const logins = hasLogin ? 1 : 0;
  return { logins, writes, reads, waits: connections - writes - reads - logins };
}
