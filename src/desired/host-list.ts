import { BlockList, isIP, isIPv4 } from 'node:net';
import { type Host, readHost, specialHost } from './host.ts';
import { quote } from './mistake.ts';

/** Whether a configured list allows a host. */
export type HostList = (host: Host) => boolean;

/**
 * Allows the configured hosts: an address, a CIDR, a name, or `*.` and the end of names. Names are not resolved: a
 * name that leads to an allowed address must be listed itself. Entries that `hostListMistake()` refuses allow
 * nothing.
 */
export function createHostList(entries: readonly string[]): HostList {
  const addresses = { ipv4: new BlockList(), ipv6: new BlockList() };
  const names = new Set<string>();
  const ends: string[] = [];
  for (const entry of entries) {
    if (hostListMistake(entry) !== undefined) continue;
    const [address = '', prefix] = entry.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (prefix !== undefined) addresses[family].addSubnet(address, Number(prefix), family);
    else if (isIP(address) !== 0) addresses[family].addAddress(address, family);
    else if (entry.startsWith('*.')) ends.push(entry.slice(1).toLowerCase());
    else names.add(entry.toLowerCase());
  }
  return ({ kind, text }) =>
    kind === 'name'
      ? names.has(text) || ends.some((end) => text.endsWith(end))
      : addresses[kind].check(text, kind);
}

/**
 * What is wrong with a configured entry, and what to write instead; undefined when it is right. `done`: what the list
 * allows to be done with its hosts.
 */
export function hostListMistake(entry: string, done: 'probed' | 'registered' = 'probed'): string | undefined {
  const [address = '', prefix, ...more] = entry.split('/');
  if (prefix !== undefined || isIP(address) !== 0) {
    const family = isIP(address);
    const bits = prefix === undefined ? 0 : Number(prefix);
    const isRight = family !== 0 && more.length === 0 && !address.includes('%');
    if (!isRight || !/^\d{1,3}$/.test(prefix ?? '0') || bits > (family === 4 ? 32 : 128)) {
      return `${quote(entry)} is not a CIDR; write it like "10.0.0.0/8" or "fd00::/64"`;
    }
  }
  const isV6 = isIP(address) === 6;
  const name = prefix !== undefined || isV6 ? address : entry.replace(/^\*\./, '');
  const host = readHost(isV6 ? `[${name}]` : name);
  if ('refused' in host) return `${host.refused}; write a name, "*.example.com", an address or a CIDR`;
  // A wide network may include such addresses, which remain forbidden. An entry for one of them could mean nothing
  // else.
  const never = prefix === '0' ? undefined : specialHost(host.value);
  return never === undefined ? undefined : `${quote(entry)} is ${never}, which is never ${done}; remove it`;
}
