import { quote, type Read } from './mistake.ts';
import { type PortRef, portNumber, readPort } from './values.ts';

/** Where a probe connects to; an empty host is the instance's own address. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: PortRef;
}

/** What Consul agents and external monitors may check themselves, beside readiness. */
export interface Probes {
  /** An http(s) URL, or a path on the instance's own address and port. */
  readonly http: string | undefined;
  readonly tcp: ProbeTarget | undefined;
  /** `service` is the name asked for in gRPC's health protocol; empty for the server as a whole. */
  readonly grpc: (ProbeTarget & { readonly service: string }) | undefined;
  /** Default 10,000. */
  readonly intervalMs: number;
  /** Default 1,000. */
  readonly timeoutMs: number;
  /** Undefined: as configured where agents run checks. */
  readonly deregisterCriticalAfterMs: number | undefined;
}

/** `http`, `8080` (a port of the instance), `10.0.0.1:8080`, `[fd00::1]:8080`, `db.example.com:5432`. */
export function readTcpProbe(text: string): Read<ProbeTarget> {
  const target = readTarget(text);
  return target === undefined ? { refused: refusal(text) } : { value: target };
}

/** As for TCP, with `/service` behind it when one service of the server is meant. */
export function readGrpcProbe(text: string): Read<ProbeTarget & { readonly service: string }> {
  const slash = text.indexOf('/');
  const target = readTarget(slash < 0 ? text : text.slice(0, slash));
  const service = slash < 0 ? '' : text.slice(slash + 1);
  if (target === undefined || !/^[A-Za-z0-9_.-]{0,255}$/.test(service)) {
    return { refused: `${refusal(text)}, optionally with /service` };
  }
  return { value: { ...target, service } };
}

function readTarget(text: string): ProbeTarget | undefined {
  const colon = text.lastIndexOf(':');
  if (colon < 0) {
    const port = readPort(text);
    return 'value' in port ? { host: '', port: port.value } : undefined;
  }
  const host = text.slice(0, colon);
  const number = portNumber(text.slice(colon + 1));
  const isHost = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])$/.test(host);
  return isHost && number !== undefined ? { host, port: { number } } : undefined;
}

const refusal = (text: string): string =>
  `${quote(text)} is not what to connect to; write a port's name or number, or host:port`;
