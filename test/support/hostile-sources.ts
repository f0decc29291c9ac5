import fc from 'fast-check';
import { pieces, repeated } from './hostile-objects.ts';
import {
  gatewayObject,
  gatewayStatus,
  ingressObject,
  ingressStatus,
  routeObject,
  routeStatus,
} from './route-objects.ts';

export type JsonObject = { readonly [key: string]: unknown };

const asks = { service: 'web', 'meta.team': 'a', tags: 'x,y' };
const identity = { uid: 'u1', resourceVersion: '7' };
const labels = { team: 'a', 'example.com/tier': 'b' };

function whole<O extends { readonly metadata: object }>(object: O, status: object): JsonObject {
  return { ...object, metadata: { ...object.metadata, ...identity, labels }, status };
}

const parents = [{ name: 'edge' }, { name: 'edge', namespace: 'infra', sectionName: 'https', port: 443 }];

const route = (kind: 'HTTPRoute' | 'GRPCRoute' | 'TLSRoute'): JsonObject =>
  whole(routeObject(asks, { kind, parents }), routeStatus(parents));

/** An object of every kind that is read beside pods and slices, with everything that is read of it. */
export const wholeObjects = {
  Ingress: whole(
    ingressObject(asks, { hosts: ['a.example', 'b.example'], tls: true }),
    ingressStatus('203.0.113.7', 'lb.example'),
  ),
  HTTPRoute: route('HTTPRoute'),
  GRPCRoute: route('GRPCRoute'),
  TLSRoute: route('TLSRoute'),
  Gateway: whole(gatewayObject({ namespace: 'infra' }), gatewayStatus(['203.0.113.9', 'lb.example'])),
  Service: whole(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'web',
        namespace: 'default',
        annotations: { 'kube-registrar.io/service': 'web', 'kube-registrar.io/address': 'load-balancer' },
      },
      spec: {
        type: 'LoadBalancer',
        ports: [{ name: 'http', port: 80, nodePort: 30_080 }],
        clusterIPs: ['10.96.0.7'],
        externalIPs: ['203.0.113.5'],
        selector: { app: 'web' },
      },
    },
    { loadBalancer: { ingress: [{ ip: '203.0.113.7', ipMode: 'VIP' }, { hostname: 'lb.example' }] } },
  ),
  Namespace: whole(
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: 'default',
        annotations: { 'kube-registrar.io/tags': 'x', 'kube-registrar.io/meta.a': 'b' },
      },
    },
    { phase: 'Active' },
  ),
} as const satisfies Record<string, JsonObject>;

export type WholeKind = keyof typeof wholeObjects;

type Path = readonly (string | number)[];

/** Every place in an object, but those of its identity, which only the API server writes. */
function pathsOf(value: unknown, at: Path = []): Path[] {
  const [top, second] = at;
  const isIdentity = top === 'apiVersion' || top === 'kind';
  const isOfMetadata = second !== 'annotations' && second !== 'labels' && second !== undefined;
  if (isIdentity || (top === 'metadata' && isOfMetadata)) return [];
  const below =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, each]) =>
          pathsOf(each, [...at, Array.isArray(value) ? Number(key) : key]),
        )
      : [];
  return at.length === 0 || at.join() === 'metadata' ? below : [at, ...below];
}

function replaced(value: unknown, [key, ...rest]: Path, by: (old: unknown) => unknown): unknown {
  if (key === undefined) return by(value);
  if (Array.isArray(value)) {
    return value.map((each, index) => (index === key ? replaced(each, rest, by) : each));
  }
  if (typeof value !== 'object' || value === null) return value;
  const object = value as JsonObject;
  return { ...object, [key]: replaced(object[key as string], rest, by) };
}

const many = (old: unknown, count: number): unknown[] =>
  Array.from({ length: count }, (_, index) =>
    typeof old === 'string' ? `${old.slice(0, 100)}${index}` : old,
  );

/** What takes the place of a value. */
const replacement: fc.Arbitrary<(old: unknown) => unknown> = fc.oneof(
  fc
    .constantFrom<unknown>(null, 0, -1, 1.5, 1e308, 443, true, false, '', 'x', [], {}, [[]], [null], {
      length: 1e9,
    })
    .map((value) => () => value),
  fc
    .constantFrom('\u202e\u2066a.example', 'a\u0000b', '\ud800', '\u001b[31m', '*.', '127.0.0.1', '::1')
    .map((text) => () => text),
  fc.constantFrom(...pieces).map((piece) => () => repeated(piece, 3_000)),
  fc.jsonValue().map((value) => () => value),
  fc.constantFrom(2, 70, 700).map((count) => (old: unknown) => many(old, count)),
  fc.constant((old: unknown) => (Array.isArray(old) ? old.flatMap((each) => many(each, 70)) : [old])),
);

/** Objects like this one, wrong in one place or some. */
export function wrongObjects(object: JsonObject): fc.Arbitrary<JsonObject> {
  const change = fc.tuple(fc.nat(), replacement);
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) =>
    changes.reduce<JsonObject>((now, [where, by]) => {
      const paths = pathsOf(now);
      const path = paths[where % Math.max(1, paths.length)] ?? [];
      return path.length === 0 ? now : (replaced(now, path, by) as JsonObject);
    }, object),
  );
}

/** Lists in lists grow to this length only. */
const mostNested = 20;

/** The object with `count` items in each list, and `length` more characters in the texts that lists hold. */
export function hugeObject(object: JsonObject, count: number, length: number): JsonObject {
  const grown = (value: unknown, items: number): unknown => {
    if (Array.isArray(value)) {
      const nested = Math.min(items, mostNested);
      const each = value.map((item) => grown(item, nested));
      return Array.from({ length: items }, (_, index) => numbered(each[index % each.length], index));
    }
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, grown(each, items)]));
  };
  const numbered = (value: unknown, index: number): unknown => {
    if (typeof value === 'string') return `${value.split('.')[0]}${index}.${'x'.repeat(length)}`;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const own = value as JsonObject;
    const texts = ['host', 'hostname', 'ip', 'value', 'path', 'reason', 'message'];
    const used = texts.filter((key) => typeof own[key] === 'string');
    return { ...own, ...Object.fromEntries(used.map((key) => [key, numbered(own[key], index)])) };
  };
  return grown(object, count) as JsonObject;
}
