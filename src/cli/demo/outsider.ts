import type { ConsulApi } from '../../consul/consul-api.ts';
import { RegistrarError } from '../../lib/errors.ts';

interface HealthEntry {
  readonly Node: { readonly Node: string };
  readonly Service: Readonly<Record<string, unknown>>;
}

/** Another client with rights in Consul, which changes the operator's entries. */
export class Outsider {
  readonly #consul: ConsulApi;

  constructor(consul: ConsulApi) {
    this.#consul = consul;
  }

  /** Registers the instance again with other fields, as a script with `curl` would. */
  async edit(service: string, id: string, fields: object, signal: AbortSignal): Promise<void> {
    const { Node, Service } = await this.#find(service, id, signal);
    const body = { Node: Node.Node, SkipNodeUpdate: true, Service: { ...Service, ...fields } };
    await this.#consul.call(
      (consul, context) => consul._put({ ...context, path: '/catalog/register', body }),
      signal,
    );
  }

  async remove(service: string, id: string, signal: AbortSignal): Promise<void> {
    const { Node } = await this.#find(service, id, signal);
    const instance = { node: Node.Node, serviceid: id };
    await this.#consul.call(
      ({ catalog }, context) => catalog.deregister({ ...context, ...instance }),
      signal,
    );
  }

  async #find(service: string, id: string, signal: AbortSignal): Promise<HealthEntry> {
    const { body } = await this.#consul.call(
      ({ health }, context) => health.service({ ...context, service }),
      signal,
    );
    const entry = (body as readonly HealthEntry[]).find(({ Service }) => Service['ID'] === id);
    if (entry === undefined) throw new RegistrarError('not-found', `${service} has no instance ${id}`);
    return entry;
  }
}
