import * as z from 'zod';
import { RegistrarError } from '../lib/errors.ts';
import { HttpTransport } from '../lib/http-transport.ts';
import { type HttpRequest, readText } from '../lib/transport.ts';
import { entryRefOf } from '../model/entry-ref.ts';
import { objectKinds, type Problem, problemReasons } from '../model/problem.ts';
import { type Held, heldBy, heldKinds } from '../plan/finding.ts';
import { heldReasons } from '../plan/guard.ts';
import { localSocket } from '../server/local-socket.ts';

export interface OperatorRequest extends Omit<HttpRequest, 'signal'> {
  /** The command that asks, for its errors. */
  readonly command: string;
  /** Origin of the operator's HTTP server. */
  readonly server: string;
  /** Whether to ask through the local socket of the operator that listens there. */
  readonly locally?: boolean;
}

/**
 * Asks a running operator; resolves with its answer. Rejects with `config` when `server` is no URL, with
 * `rejected` when the operator refuses, and as HttpTransport when it does not answer.
 */
export async function askOperator(
  { command, server, locally = false, ...request }: OperatorRequest,
  signal: AbortSignal,
): Promise<string> {
  const origin = URL.canParse(server) ? new URL(server).origin : 'null';
  if (origin === 'null') {
    throw new RegistrarError(
      'config',
      `${command}: --server ${server} is not a URL like http://127.0.0.1:8080`,
    );
  }
  const socket = locally ? { socketPath: localSocket(Number(new URL(origin).port || 80)) } : {};
  const transport = new HttpTransport({ origin, ...socket });
  try {
    const response = await transport.request({ headersTimeoutMs: 10_000, ...request, signal });
    const text = await readText(response);
    if (response.status === 200) return text;
    throw new RegistrarError('rejected', `${origin}${request.path}: ${text.trim()} (${response.status})`);
  } catch (thrown) {
    const { code, message } = RegistrarError.from(thrown);
    if (code !== 'unreachable' && code !== 'timeout') throw thrown;
    const where = locally ? 'the operator in this container' : 'the operator';
    throw new RegistrarError(
      code,
      `${where} does not answer at ${origin} (from --server): ${message}; ${
        locally
          ? 'run this in the container of the leader, with its port'
          : 'forward its port with kubectl port-forward, and use that address'
      }`,
    );
  } finally {
    await transport.close();
  }
}

const status = z.object({
  cluster: z.object({ uid: z.string() }),
  leadership: z.object({ state: z.string(), holder: z.string().nullable() }),
  held: z.array(
    z.object({
      by: z.enum(heldBy),
      what: z.enum(heldKinds),
      node: z.string(),
      instance: z.string().nullable(),
      service: z.string().nullable(),
      check: z.string().nullable(),
      because: z.enum(heldReasons),
      error: z
        .string()
        .nullable()
        .transform((text) => text ?? undefined),
      until: z
        .string()
        .nullish()
        .transform((time) => (time == null ? undefined : Date.parse(time))),
    }),
  ),
  problems: z.array(
    z.object({
      object: z.object({
        kind: z.enum(objectKinds),
        namespace: z.string(),
        name: z.string(),
        uid: z.string(),
      }),
      reason: z.enum(problemReasons),
      field: z.string(),
      message: z.string(),
      severity: z.enum(['error', 'warning']),
    }),
  ),
});

/** What only a running operator knows. */
export interface OperatorKnowledge {
  readonly held: readonly Held[];
  readonly problems: readonly Problem[];
}

/**
 * What a running operator of this cluster holds, and which problems it reports. Rejects as askOperator(), and with
 * `conflict` when the operator belongs to another cluster or is a standby, which knows neither.
 */
export async function knownByOperator(
  { command, server }: Pick<OperatorRequest, 'command' | 'server'>,
  uid: string,
  signal: AbortSignal,
): Promise<OperatorKnowledge> {
  const text = await askOperator({ command, server, method: 'GET', path: '/status.json' }, signal);
  const { cluster, leadership, held, problems } = status.parse(JSON.parse(text));
  if (cluster.uid !== uid) {
    throw new RegistrarError(
      'conflict',
      `${server} is an operator of cluster ${cluster.uid || '(not known yet)'}, not of ${uid}`,
    );
  }
  if (leadership.state === 'standby') {
    const leader =
      leadership.holder === null ? 'no replica is leading at the moment' : `ask ${leadership.holder}`;
    throw new RegistrarError('conflict', `${server} is a standby replica, which holds nothing: ${leader}`);
  }
  return {
    held: held.map(({ by, what, because, error, until, ...fields }): Held => {
      const said = error === undefined ? {} : { error };
      return { kind: 'held', by, what, at: entryRefOf(fields), because, ...said, until };
    }),
    problems,
  };
}
