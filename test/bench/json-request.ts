import { Agent, request } from 'undici';

/** One pool for the consumers, which wait, and for what the benchmark itself writes and reads. */
export const agent = new Agent({ connections: 256, keepAliveTimeout: 30_000 });

export interface JsonOptions {
  readonly method?: 'PUT';
  readonly body?: string;
}

/** The answer and its `X-Consul-Index`; rejects on any status but 200. */
export async function json<T>(origin: string, target: string, { method, body }: JsonOptions = {}) {
  const response = await request(`${origin}${target}`, {
    dispatcher: agent,
    headersTimeout: 120_000,
    method: method ?? 'GET',
    body: body ?? null,
  });
  const text = await response.body.text();
  if (response.statusCode !== 200) throw new Error(`${target}: ${response.statusCode} ${text.slice(0, 200)}`);
  return { value: JSON.parse(text) as T, index: Number(response.headers['x-consul-index'] ?? 0) };
}

/** Monotonic milliseconds, the same in all processes of this machine. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;
