import { isIP } from 'node:net';
import type { LoadedConfig } from '../../config/load.ts';
import { hostInUrl, readHost, specialHost } from '../../desired/host.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { ObservedNode } from '../../plan/observed.ts';

/** Origin of the agent of a node. Throws `rejected` for an address that no agent may be asked at. */
export type AgentOrigin = (node: Pick<ObservedNode, 'name' | 'address'>) => string;

const placeholder = '{address}';

/**
 * Where the agents are asked: at the addresses that their nodes have in the catalog. `template`: an origin in which
 * `{address}` stands for the address; undefined: with scheme and port of `registration.agent`. Throws `config` for
 * another template, and where a token would go to whatever answers there: anybody who may write a node into the catalog
 * chooses its address.
 */
export function agentOrigins(template: string | undefined, loaded: LoadedConfig): AgentOrigin {
  const { config, token } = loaded;
  const { scheme, port } = config.registration.agent;
  const used = template ?? `${scheme}://${placeholder}:${port}`;
  const sample = URL.parse(used.replace(placeholder, '192.0.2.1'));
  const isOrigin =
    sample !== null &&
    /^https?:$/.test(sample.protocol) &&
    sample.hostname === '192.0.2.1' &&
    `${sample.username}${sample.password}${sample.search}${sample.hash}` === '' &&
    sample.pathname === '/';
  if (!isOrigin) {
    throw new RegistrarError(
      'config',
      `--agent-address: ${JSON.stringify(used)} is not the address of an agent; write it like "http://{address}:8500"`,
    );
  }
  const hasToken = token !== undefined || config.consul.acl.authMethod !== undefined;
  const isProved = sample.protocol === 'https:' && config.consul.verify;
  if (hasToken && !isProved && !config.consul.allowPlaintextToken) {
    throw new RegistrarError(
      'config',
      `--agent-address: the Consul token would go to whatever listens at ${used}; use https with consul.verify, or set consul.allowPlaintextToken to true if nothing else can listen there`,
    );
  }
  return ({ name, address }) => {
    const host = isIP(address) === 0 ? undefined : readHost(isIP(address) === 6 ? `[${address}]` : address);
    if (host === undefined || !('value' in host)) {
      throw new RegistrarError(
        'rejected',
        `node "${name}" has the address ${JSON.stringify(address)}, which is not an IP address`,
      );
    }
    const why = specialHost(host.value);
    // A datacenter on one machine has its agents there.
    if (why !== undefined && why !== 'a loopback address') {
      throw new RegistrarError(
        'rejected',
        `the address ${address} of node "${name}" is ${why}: agents at such addresses are not used`,
      );
    }
    return used.replace(placeholder, hostInUrl(host.value)).replace(/\/$/, '');
  };
}
