import { Buffer } from 'node:buffer';
import { type Host, readHost, specialHost } from './host.ts';
import { quote, type Read } from './mistake.ts';
import { type Form, type PortRef, portNumber, readPort } from './values.ts';

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

/** In bytes: a path with scheme, address and port in front of it must fit into a meta value of Consul. */
const longestUrl = 448;

/** Loopback, link-local, multicast and the like, as far as a form shows them. */
const specialForm =
  '127[.]|169[.]254[.]|0[.]|22[4-9][.]|2[345][0-9][.]|[[]::|[[][Ff][Ee][89A-Fa-f]|[[][Ff][Ff]|(?i:([^/:]*[.])?localhost)($|[:/?#])';
const portForm = '[A-Za-z0-9-]{1,63}';
/** `end` is a regular expression of what may follow the port. */
const targetCel =
  (end: string): Form<ProbeTarget>['cel'] =>
  (value, host) =>
    `${value}.matches('^((${host})?:)?${portForm}${end}$') && !${value}.matches('^(${specialForm})')`;
const notTarget = 'is not the name or number of a port of the instance';

export const httpTarget: Form<HttpProbe> = {
  read: readHttpProbe,
  cel: (value, host) =>
    `bytes(${value}).size() <= ${longestUrl} && (${value}.matches('^/([^/[:space:]][^[:space:]]*)?$') || ` +
    `${value}.matches('^(?i:https?)://(${host})?(:${portForm})?([/?#][^[:space:]]*)?$') && ` +
    `!${value}.matches('^(?i:https?)://(${specialForm})'))`,
  otherwise: 'is not a path such as /healthz, nor a URL of the instance such as https://:8443/healthz',
  probes: true,
};
export const tcpTarget: Form<ProbeTarget> = {
  read: readTcpProbe,
  cel: targetCel(''),
  otherwise: notTarget,
  probes: true,
};
export const grpcTarget: Form<GrpcProbe> = {
  read: readGrpcProbe,
  cel: targetCel('(/[A-Za-z0-9_.-]{0,255})?'),
  otherwise: notTarget,
  probes: true,
};

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
function readTcpProbe(text: string): Read<ProbeTarget> {
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
function readGrpcProbe(text: string): Read<GrpcProbe> {
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
