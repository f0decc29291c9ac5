export interface ListenAddress {
  /** Undefined: all interfaces, IPv4 and IPv6. */
  readonly host: string | undefined;
  readonly port: number;
}

/**
 * A listen address as Go's `net.Listen` takes it: `:8080`, `127.0.0.1:8080`, `[::1]:8080`. Port 0 lets the
 * system choose. Undefined when the text is none.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/@]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  const host = match[1] ?? match[2];
  return { host: host === undefined || host === '' ? undefined : host, port };
}
