import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { quote, type Read } from './mistake.ts';

/** A host in canonical form: an address without brackets, or a name in lower case. */
export interface Host {
  readonly kind: 'ipv4' | 'ipv6' | 'name';
  readonly text: string;
}

/**
 * Reads the host of a URL or of `host:port`: an IPv4 address in dotted decimal, an IPv6 address in brackets, or a DNS
 * name. It refuses every other text that some resolver could take for an address: numbers (`2852039166`,
 * `0xa9fea9fe`, `169.254.43518`), octal, a zone, a name that ends with a dot.
 */
export function readHost(text: string): Read<Host> {
  if (isIPv4(text)) return { value: { kind: 'ipv4', text } };
  if (text.startsWith('[')) {
    const inside = text.endsWith(']') ? text.slice(1, -1) : '';
    // A zone (`fe80::1%eth0`) is valid on the prober only, and only link-local addresses have one.
    return isIPv6(inside) && !inside.includes('%')
      ? { value: { kind: 'ipv6', text: canonicalIpv6(inside) } }
      : { refused: `${quote(text)} is not an IPv6 address in brackets` };
  }
  const name = text.toLowerCase();
  const labels = name.split('.');
  if (name.length > 253 || !labels.every((label) => /^[a-z0-9_-]{1,63}$/.test(label))) {
    return { refused: `${quote(text)} is not the name or the address of a host` };
  }
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1)!)) {
    return {
      refused: `${quote(text)} is an address in an unusual form; write it like 10.0.0.1 or [fd00::1]`,
    };
  }
  return { value: { kind: 'name', text: name } };
}

/** Host part of a URL. */
export const hostInUrl = ({ kind, text }: Host): string => (kind === 'ipv6' ? `[${text}]` : text);

/** Equal texts for equal addresses. */
export function canonicalIpv6(address: string): string {
  return URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? address;
}

type Range = readonly [net: string, prefix: number];

/** Addresses that are valid only on the prober itself or on its link (RFC 6890). */
const special: readonly { readonly what: string; readonly ranges: readonly Range[] }[] = [
  {
    what: 'a loopback address',
    ranges: [
      ['127.0.0.0', 8],
      ['::1', 128],
    ],
  },
  {
    what: 'a link-local address, where metadata services are',
    ranges: [
      ['169.254.0.0', 16],
      ['fe80::', 10],
      ['fec0::', 10],
    ],
  },
  {
    what: 'the address of a metadata service',
    ranges: [
      // Amazon, Google, Azure, Alibaba, Oracle.
      ['fd00:ec2::254', 128],
      ['fd20:ce::254', 128],
      ['168.63.129.16', 32],
      ['100.100.100.200', 32],
      ['192.0.0.192', 32],
    ],
  },
  {
    what: 'a multicast or reserved address',
    ranges: [
      ['224.0.0.0', 3],
      ['ff00::', 8],
    ],
  },
  {
    what: 'an unspecified address',
    ranges: [
      ['0.0.0.0', 8],
      ['::', 128],
    ],
  },
  {
    what: 'an IPv6 form of an IPv4 address',
    ranges: [
      ['::', 96],
      ['::ffff:0:0', 96],
      ['::ffff:0:0:0', 96],
      ['64:ff9b::', 96],
      ['64:ff9b:1::', 48],
      ['2002::', 16],
    ],
  },
];

const specialRanges = special.map(({ what, ranges }) => {
  const v4 = new BlockList();
  const v6 = new BlockList();
  for (const [net, prefix] of ranges) {
    if (isIPv4(net)) v4.addSubnet(net, prefix, 'ipv4');
    else v6.addSubnet(net, prefix, 'ipv6');
  }
  return { what, v4, v6 };
});

/** Names from hosts files and clouds. A name of one's own can lead to any address through DNS. */
const loopbackNames = /^(?:(?:.+\.)?localhost|localhost\.localdomain|ip6-(?:localhost|loopback))$/;
const metadataNames: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
]);

/**
 * Why a host is never probed for an annotation, whatever the configuration allows: it is the prober itself, or it
 * hands out credentials to every client. Undefined for every other host.
 */
export function specialHost({ kind, text }: Host): string | undefined {
  if (kind === 'name') {
    if (metadataNames.has(text)) return 'the name of a metadata service';
    return loopbackNames.test(text) ? 'a name of the loopback address' : undefined;
  }
  // One list for each family: a BlockList treats the IPv6 form of an IPv4 address as the latter.
  const list = kind === 'ipv4' ? 'v4' : 'v6';
  return specialRanges.find((range) => range[list].check(text, kind))?.what;
}
