import type { ConsulRequest } from '../../src/sandbox/consul/http.ts';

/** Whether a request to Consul changes anything there: a transaction that only gets does not. */
export function isConsulWrite({ method, path, body }: ConsulRequest): boolean {
  if (method === 'GET') return false;
  if (path !== '/v1/txn') return true;
  const operations = JSON.parse(Buffer.from(body).toString('utf8')) as readonly Record<
    string,
    { readonly Verb: string }
  >[];
  return operations.some((operation) => Object.values(operation).some(({ Verb }) => Verb !== 'get'));
}
