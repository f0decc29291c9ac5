import {
  anything,
  type Decoded,
  duration,
  flag,
  integer,
  listOf,
  mapOf,
  optional,
  struct,
  text,
} from './decode.ts';
import { serviceAddress, weights } from './txn-body.ts';

/** Bodies of the agent's endpoints; both spellings of the names that have two. */
const checkFields = {
  Name: text,
  Status: text,
  Notes: text,
  ScriptArgs: listOf(text),
  Args: listOf(text),
  script_args: listOf(text),
  HTTP: text,
  H2PING: text,
  H2PingUseTLS: flag,
  Header: mapOf(listOf(text)),
  Method: text,
  Body: text,
  DisableRedirects: flag,
  TCP: text,
  TCPUseTLS: flag,
  UDP: text,
  Interval: duration,
  DockerContainerID: text,
  Shell: text,
  GRPC: text,
  GRPCUseTLS: flag,
  OSService: text,
  TLSServerName: text,
  TLSSkipVerify: flag,
  AliasNode: text,
  AliasService: text,
  Timeout: duration,
  TTL: duration,
  SuccessBeforePassing: integer,
  FailuresBeforeWarning: integer,
  FailuresBeforeCritical: integer,
  DeregisterCriticalServiceAfter: duration,
  deregister_critical_service_after: duration,
  OutputMaxSize: integer,
  ServiceID: text,
  service_id: text,
};

const serviceCheck = struct({ ...checkFields, CheckID: text, ProxyHTTP: text, ProxyGRPC: text });

export const checkBody = struct({ ...checkFields, ID: text, Token: text });

export const serviceBody = struct({
  Kind: text,
  ID: text,
  Name: text,
  Tags: listOf(text),
  Address: text,
  TaggedAddresses: mapOf(serviceAddress),
  tagged_addresses: mapOf(serviceAddress),
  Meta: mapOf(text),
  Port: integer,
  Ports: anything,
  SocketPath: text,
  Check: optional(serviceCheck),
  Checks: listOf(serviceCheck),
  Weights: optional(weights),
  Token: text,
  EnableTagOverride: flag,
  enable_tag_override: flag,
  Locality: anything,
  Proxy: anything,
  Connect: anything,
});

export const checkUpdateBody = struct({ Status: text, Output: text });

export type CheckFields = Decoded<typeof checkBody> | Decoded<typeof serviceCheck>;
export type ServiceBody = Decoded<typeof serviceBody>;

/** What the agent does for a check. */
export interface CheckRuntime {
  readonly type: string;
  /** Milliseconds; 0 = none. */
  readonly ttlMs: number;
  /** Milliseconds of being critical after which the service is removed; 0 = never. Consul's minimum is a minute. */
  readonly deregisterAfterMs: number;
}

const minimumDeregisterMs = 60_000;

export function runtimeOf(fields: CheckFields): CheckRuntime {
  const after = fields.DeregisterCriticalServiceAfter || fields.deregister_critical_service_after;
  return {
    type: typeOf(fields),
    ttlMs: fields.TTL,
    deregisterAfterMs: after === 0 ? 0 : Math.max(after, minimumDeregisterMs),
  };
}

const isScript = ({ ScriptArgs, Args, script_args }: CheckFields): boolean =>
  [ScriptArgs, Args, script_args].some((args) => (args?.length ?? 0) > 0);

function typeOf(fields: CheckFields): string {
  if (fields.GRPC !== '') return 'grpc';
  if (fields.HTTP !== '') return 'http';
  if (fields.TTL > 0) return 'ttl';
  if (fields.TCP !== '') return 'tcp';
  if (fields.UDP !== '') return 'udp';
  if (fields.AliasNode !== '' || fields.AliasService !== '') return 'alias';
  if (isScript(fields)) return fields.DockerContainerID === '' ? 'script' : 'docker';
  if (fields.H2PING !== '') return 'h2ping';
  return fields.OSService === '' ? '' : 'os_service';
}

/** Why Consul refuses the definition of a check. */
export function badCheck(fields: CheckFields): string | undefined {
  const probes = [fields.HTTP, fields.TCP, fields.UDP, fields.GRPC, fields.H2PING, fields.OSService];
  const needsInterval = isScript(fields) || probes.some((probe) => probe !== '');
  const alias = fields.AliasNode !== '' || fields.AliasService !== '';
  if (fields.Interval > 0 && fields.TTL > 0) return 'Interval and TTL cannot both be specified';
  if (needsInterval && fields.Interval <= 0) {
    return 'Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks';
  }
  if (needsInterval && alias) return 'Interval cannot be set for Alias checks';
  if (alias && fields.TTL > 0) return 'TTL must be not be set for Alias checks';
  if (!needsInterval && !alias && fields.TTL <= 0) return 'TTL must be > 0 for TTL checks';
  return undefined;
}
