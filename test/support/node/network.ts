/**
 * What a cluster's network does beside its CNI plugins, for a test in a network namespace of its own: addresses of
 * the nodes, Services (where a cluster has kube-proxy) and names of Services (where it has a DNS server).
 */
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { requireServers } from '../../servers/locate.ts';
import type { Kube } from '../real/kube.ts';
import type { KubeList, KubeObject } from '../real/kube-api.ts';

const run = promisify(execFile);

/** Address of the cluster's DNS server. */
export const dnsAddress = '10.96.0.10';
/** All pods of all nodes. */
const podNetwork = '10.244.0.0/16';
const chain = 'TEST-SERVICES';
const pollMs = 200;

interface Service extends KubeObject {
  readonly spec: {
    readonly clusterIP?: string;
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
  };
}

interface Slice extends KubeObject {
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly conditions: { readonly ready?: boolean };
  }[];
  readonly ports: readonly { readonly name?: string; readonly port: number }[];
}

export interface NetworkOptions {
  /** Addresses outside the cluster that lead to servers on loopback, such as `10.0.1.1:8500` to `127.0.0.1:12345`. */
  readonly outside: Readonly<Record<string, string>>;
}

/** Loopback, forwarding, Services and their names. Ends with the namespace; `stop` ends the loop in this process. */
export async function startNetwork(kube: Kube, { outside }: NetworkOptions): Promise<AsyncDisposable> {
  const { 'xtables-legacy-multi': xtables } = await requireServers(['xtables-legacy-multi']);
  await run('ip', ['link', 'set', 'lo', 'up']);
  await run('ip', ['address', 'add', `${dnsAddress}/32`, 'dev', 'lo']);
  // Redirected to a loopback address, a packet from elsewhere would be dropped.
  for (const [name, value] of [
    ['ip_forward', '1'],
    ['conf/all/route_localnet', '1'],
  ] as const) {
    await writeFile(`/proc/sys/net/ipv4/${name}`, value);
  }
  const fixed = { ...outside, '10.96.0.1:443': new URL(kube.url).host };
  await restore(xtables, [
    `:${chain} - [0:0]`,
    `-A PREROUTING -j ${chain}`,
    `-A OUTPUT -j ${chain}`,
    // Without it, a pod would answer its neighbour directly and not by the Service's address.
    `-A POSTROUTING -s ${podNetwork} -d ${podNetwork} -m conntrack --ctstate DNAT -j MASQUERADE`,
  ]);
  const names = new Map<string, string>();
  const ended = new AbortController();
  let installed = '';
  const sync = async () => {
    const [services, slices] = await Promise.all([
      kube.api.get<KubeList<Service>>('/api/v1/services'),
      kube.api.get<KubeList<Slice>>('/apis/discovery.k8s.io/v1/endpointslices'),
    ]);
    names.clear();
    for (const { metadata, spec } of services.items) {
      if (spec.clusterIP !== undefined)
        names.set(`${metadata.name}.${metadata.namespace}.svc`, spec.clusterIP);
    }
    const rules = [
      ...Object.entries(fixed).map(([from, to]) => redirect(from, to, 1)),
      ...services.items.flatMap((service) => rulesOf(service, slices.items)),
    ];
    if (rules.join() === installed) return;
    await restore(xtables, [`-F ${chain}`, ...rules]);
    installed = rules.join();
  };
  await sync();
  const loop = (async () => {
    while (!ended.signal.aborted) {
      await delay(pollMs, undefined, { signal: ended.signal }).catch(() => {});
      // The API server is stopped by some tests; what is installed stays.
      await sync().catch(() => {});
    }
  })();
  const dns = createSocket('udp4');
  dns.on('message', (query, from) => dns.send(answer(query, names), from.port, from.address));
  dns.bind(53, dnsAddress);
  await once(dns, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      dns.close();
      await loop;
    },
  };
}

/** One of a Service's ready endpoints after the other, by chance, as kube-proxy picks. */
function rulesOf({ metadata, spec }: Service, slices: readonly Slice[]): string[] {
  const { clusterIP } = spec;
  if (clusterIP === undefined || clusterIP === 'None') return [];
  const own = slices.filter(
    (slice) =>
      slice.metadata.namespace === metadata.namespace &&
      slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name,
  );
  return (spec.ports ?? []).flatMap(({ name, port }) => {
    const targets = own.flatMap((slice) =>
      slice.ports
        .filter((candidate) => (candidate.name ?? '') === (name ?? ''))
        .flatMap((target) =>
          slice.endpoints
            .filter(({ conditions }) => conditions.ready !== false)
            .map(({ addresses }) => `${addresses[0]}:${target.port}`),
        ),
    );
    return targets.map((target, i) => redirect(`${clusterIP}:${port}`, target, targets.length - i));
  });
}

/** One of `choices` is taken, by chance. */
function redirect(from: string, to: string, choices: number): string {
  const [address, port] = from.split(':');
  const chance = choices === 1 ? '' : `-m statistic --mode random --probability ${1 / choices} `;
  return `-A ${chain} -d ${address}/32 -p tcp --dport ${port} ${chance}-j DNAT --to-destination ${to}`;
}

async function restore(xtables: string, lines: readonly string[]): Promise<void> {
  const child = spawn(xtables, ['iptables-restore', '--noflush'], { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.end(['*nat', ...lines, 'COMMIT', ''].join('\n'));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`iptables-restore exited with ${code}:\n${lines.join('\n')}`);
}

/** An answer to a DNS query with one question (RFC 1035): the address of a Service, or that there is no such name. */
function answer(query: Buffer, names: ReadonlyMap<string, string>): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const end = at + 5;
  const isAddress = query.readUInt16BE(at + 1) === 1;
  const address = names.get(
    labels
      .join('.')
      .replace(/\.cluster\.local$/, '')
      .toLowerCase(),
  );
  const header = Buffer.from(query.subarray(0, 12));
  // An answer, authoritative; 3 is "no such name".
  header.writeUInt16BE(0x8400 | (address === undefined ? 3 : 0), 2);
  const found = address !== undefined && isAddress;
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found ? 1 : 0, 6);
  header.writeUInt16BE(0, 8);
  header.writeUInt16BE(0, 10);
  const question = query.subarray(12, end);
  if (!found) return Buffer.concat([header, question]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([header, question, record]);
}
