/** What a tenant who may create pods and reach the operator's port can send against it. */
import { connect, type Socket } from 'node:net';

type Annotations = Readonly<Record<string, string>>;

const prefixed = (fields: Annotations): Annotations =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`kube-registrar.io/${name}`, value]));

/** Of a pod; `labels` and `annotations` as they are. */
export interface HostilePod {
  readonly labels?: Annotations;
  readonly annotations: Annotations;
}

/** 6,000 labels and 30 placeholders that name none of them: some 400 KB. */
export function labelledPod(): HostilePod {
  const labels = Object.fromEntries(
    Array.from({ length: 6_000 }, (_, index) => [
      `team.example/label-${'x'.repeat(20)}-${index}`,
      `value-${index}-${'y'.repeat(12)}`,
    ]),
  );
  const metas = Array.from({ length: 30 }, (_, index): [string, string] => [
    `meta.key-${index}`,
    `{pod.label.team.example/labl-${'x'.repeat(20)}-${index}}`,
  ]);
  return { labels, annotations: prefixed({ service: 'team-labels', ...Object.fromEntries(metas) }) };
}

/** Texts of `services` and durations that patterns of quadratic time and a patient YAML parser choke on. */
export const longTexts: readonly string[] = [
  `- service: team-a${' '.repeat(32_000)}b`,
  `- service: team-x\n  check-interval: ${'1'.repeat(31_000)}x`,
  `- service: team-x\n  tags: "${'\\,'.repeat(15_000)}"`,
  `${'- '.repeat(15_000)}x`,
  `${'['.repeat(16_000)}`,
  `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 8 }, (_, index) => `${'bcdefghi'[index]}: &${'bcdefghi'[index]} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`).join('\n')}`,
  `- service: "${'{pod.label.'.repeat(2_900)}"`,
  `- service: team-x\n  meta.k: ${'- '.repeat(15_000)}`,
];

/** Names and hosts of others, and texts that show what is not there. */
export const forbidden: readonly Annotations[] = [
  { service: 'consul', port: 'http' },
  { service: 'kube-registrar', port: 'http', tags: 'leader' },
  { service: 'team-a-web', port: 'http' },
  { service: 'TEAM-A-WEB', port: 'http' },
  { service: 'billing', port: 'http' },
  { service: 'team-tags', port: 'http', tags: 'urlprefix-/,traefik.enable=true' },
  { service: 'team-probe', port: 'http', 'check-http': 'http://169.254.169.254/latest/meta-data' },
  { service: 'team-probe', port: 'http', 'check-tcp': '127.0.0.1:8500' },
  { service: 'team-probe', port: 'http', 'health-url': 'http://[::1]:8500/v1/agent/self' },
  { services: '- service: "team-\\ud800"\n  port: http' },
  { service: 'team-text', port: 'http', 'meta.note': '\u001b[2J\u202e::error file=x::y\u0085' },
  { service: 'team-text', port: '\u001b[31mhttp' },
].map(prefixed);

/** A value of 250 KB under a key that nobody knows, other with each number. */
export const bulk = (number: number): Annotations =>
  prefixed({ [`unknown-${number % 50}`]: `${number}-${'z'.repeat(250_000)}` });

/** Sixteen services of one pod, named like nothing else: a metric series each, times three. */
export const manyServices = (number: number): Annotations =>
  prefixed({
    services: Array.from(
      { length: 16 },
      (_, index) => `- service: team-s${number}-${index}\n  port: http`,
    ).join('\n'),
  });

/** As a pod has another address than the kubelet. */
const localAddress = '127.0.0.2';

/** Connections with a request that never ends, opened anew when they are closed; disposing closes them. */
export class HalfSentRequests implements Disposable {
  readonly #url: URL;
  readonly #open = new Set<Socket>();
  #isDone = false;

  constructor(url: string, count: number) {
    this.#url = new URL(url);
    for (let index = 0; index < count; index += 1) this.#hold();
  }

  [Symbol.dispose](): void {
    this.#isDone = true;
    for (const socket of this.#open) socket.destroy();
  }

  #hold(): void {
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port), localAddress });
    this.#open.add(socket);
    socket.on('connect', () =>
      socket.write(`GET /metrics HTTP/1.1\r\nhost: x\r\nx-long: ${'h'.repeat(4_000)}`),
    );
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#open.delete(socket);
      if (!this.#isDone) setTimeout(() => this.#isDone || this.#hold(), 500).unref();
    });
  }
}
