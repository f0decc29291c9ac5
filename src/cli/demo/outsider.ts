import { RegistrarError } from '../../lib/errors.ts';
import { readText, type Transport } from '../../lib/transport.ts';

interface HealthEntry {
  readonly Node: { readonly Node: string };
  readonly Service: Readonly<Record<string, unknown>>;
}

/** Another client with rights in Consul, which changes the operator's entries. */
export class Outsider {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Registers the instance again with other fields, as a script with `curl` would. */
  async edit(service: string, id: string, fields: object, signal: AbortSignal): Promise<void> {
    const { Node, Service } = await this.#find(service, id, signal);
    const body = { Node: Node.Node, SkipNodeUpdate: true, Service: { ...Service, ...fields } };
    await this.#send('PUT', '/v1/catalog/register', body, signal);
  }

  async remove(service: string, id: string, signal: AbortSignal): Promise<void> {
    const { Node } = await this.#find(service, id, signal);
    await this.#send('PUT', '/v1/catalog/deregister', { Node: Node.Node, ServiceID: id }, signal);
  }

  async #find(service: string, id: string, signal: AbortSignal): Promise<HealthEntry> {
    const text = await this.#send('GET', `/v1/health/service/${service}`, undefined, signal);
    const entry = (JSON.parse(text) as readonly HealthEntry[]).find(({ Service }) => Service['ID'] === id);
    if (entry === undefined) throw new RegistrarError('not-found', `${service} has no instance ${id}`);
    return entry;
  }

  async #send(
    method: 'GET' | 'PUT',
    path: string,
    body: object | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const response = await this.#transport.request({
      method,
      path,
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await readText(response);
    if (response.status === 200) return text;
    throw new RegistrarError('rejected', `${method} ${path}: ${response.status} ${text.trim()}`);
  }
}
