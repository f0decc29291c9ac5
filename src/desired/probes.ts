import { Buffer } from 'node:buffer';
import { type Host, readHost, specialHost } from './host.ts';
import { quote, type Read } from './mistake.ts';
import { type PortRef, portNumber, readPort } from './values.ts';

/** What a probe connects to. */
export interface ProbeTarget {
  /** Undefined: the instance's own address. */
  readonly host: Host | undefined;
  /** Undefined: the instance's port, or the scheme's default port when there is a host. By name only without a host. */
  readonly port: PortRef | undefined;
}

export interface HttpProbe extends ProbeTarget {
  readonly scheme: 'http' | 'https';
  /** With its slash, and the query. */
  readonly path: string;
}

/** `service` is the service in gRPC's health protocol; empty for the whole server. */
export interface GrpcProbe extends ProbeTarget {
  readonly service: string;
}

/** What Consul agents and external monitors check besides readiness. */
export interface Probes {
  readonly http: HttpProbe | undefined;
  readonly tcp: ProbeTarget | undefined;
  readonly grpc: GrpcProbe | undefined;
  /** Default 10,000. */
  readonly intervalMs: number;
  /** Default 1,000. */
  readonly timeoutMs: number;
  /** Undefined: as configured for agents. */
  readonly deregisterCriticalAfterMs: number | undefined;
}

/** In bytes: a path with scheme, address and port in front of it must fit into a meta value of Consul. */
const longestUrl = 448;

/**
 * `/healthz` is at the instance's own address and port: a pod template cannot know the pod's address.
 * `https://:8443/healthz`, `http://:admin/healthz` and `https:///healthz` choose another port or scheme there.
 * `http://db.example:8080/healthz` names another host, which the configuration must allow.
 */
export function readHttpProbe(text: string): Read<HttpProbe> {
  if (Buffer.byteLength(text) > longestUrl) return { refused: `is longer than ${longestUrl} bytes` };
  const scheme = /^https?:\/\//i.exec(text)?.[0] ?? '';
  const end = text.slice(scheme.length).search(/[/?#]/);
  const authority = end < 0 ? text.slice(scheme.length) : text.slice(scheme.length, scheme.length + end);
  const rest = end < 0 ? '/' : text.slice(scheme.length + end);
  // Parsers disagree about the host after a backslash or a second slash at the start.
  const isPath = text.startsWith('/') && !text.startsWith('//');
  if ((scheme === '' && !isPath) || /[\s\\]|\p{Cc}/u.test(text)) {
    return { refused: `${quote(text)} is neither an http(s) URL nor a path such as /healthz` };
  }
  if (isPath) return { value: { scheme: 'http', host: undefined, port: undefined, path: text } };
  if (authority.includes('@')) {
    return { refused: `${quote(text)} has a user or password in it, which everybody could read in Consul` };
  }
  const target = readAuthority(authority);
  if ('refused' in target) return target;
  return {
    value: {
      scheme: scheme.toLowerCase() === 'https://' ? 'https' : 'http',
      ...target.value,
      path: rest.startsWith('/') ? rest : `/${rest}`,
    },
  };
}

/** `http`, `8080` (a port of the instance), `10.0.0.1:8080`, `[fd00::1]:8080`, `db.example.com:5432`. */
export function readTcpProbe(text: string): Read<ProbeTarget> {
  if (text === '') return { refused: `${quote(text)} is not what to connect to; ${forms}` };
  const target = readAuthority(text.includes(':') ? text : `:${text}`);
  if ('refused' in target) {
    return { refused: `${quote(text)} is not what to connect to: ${target.refused}; ${forms}` };
  }
  if (target.value.port === undefined) return { refused: `${quote(text)} has no port; ${forms}` };
  return target;
}

const forms = "write a port's name or number, or host:port";

/** As for TCP; `/service` at the end selects one service of the server. */
export function readGrpcProbe(text: string): Read<GrpcProbe> {
  const slash = text.indexOf('/');
  const target = readTcpProbe(slash < 0 ? text : text.slice(0, slash));
  const service = slash < 0 ? '' : text.slice(slash + 1);
  if ('refused' in target) return { refused: `${target.refused}, optionally with /service` };
  if (!/^[A-Za-z0-9_.-]{0,255}$/.test(service)) {
    return { refused: `${quote(service)} is not the name of a gRPC service` };
  }
  return { value: { ...target.value, service } };
}

/** `host`, `host:port`, `:port` or nothing. */
function readAuthority(text: string): Read<ProbeTarget> {
  const split = /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/.exec(text);
  if (split === null) return { refused: `${quote(text)} is not the name or the address of a host` };
  const [, name = '', port] = split;
  if (name === '') {
    if (port === undefined) return { value: { host: undefined, port: undefined } };
    const read = readPort(port);
    return 'value' in read ? { value: { host: undefined, port: read.value } } : read;
  }
  const host = readHost(name);
  if ('refused' in host) return host;
  const never = specialHost(host.value);
  if (never !== undefined) return { refused: `${quote(name)} is ${never}, which is never probed` };
  if (port === undefined) return { value: { host: host.value, port: undefined } };
  const number = portNumber(port);
  if (number === undefined) return { refused: `${quote(port)} is not a port from 1 to 65535` };
  return { value: { host: host.value, port: { number } } };
}
