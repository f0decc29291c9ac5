import type { KubernetesObject, V1Namespace, V1Pod, V1Service } from '@kubernetes/client-node';
import { isCollection, isMap, isScalar, type Node } from 'yaml';
import { type RouteKind, routeKinds } from '../../model/route.ts';
import { type Position, readDocuments, type SyntaxMistake } from './documents.ts';
import type { YamlTree } from './yaml-tree.ts';

/** An object as it is written, with everything in it that may carry annotations for the operator. */
export interface Manifest extends Position {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Pods, pod templates or the object itself. Never empty. */
  readonly declaring: readonly Declaring[];
  /** Keys like those of annotations in all other places where somebody may have put them by mistake. */
  readonly strays: readonly Stray[];
}

/**
 * A Pod, written as such or made from a template, a Service, an Ingress, a route of the Gateway API, or a Namespace with
 * defaults for them.
 */
export interface Declaring {
  /** Where its annotations belong: `spec.template.metadata.annotations`. */
  readonly place: string;
  readonly object:
    | { readonly kind: 'Pod'; readonly pod: V1Pod }
    | { readonly kind: 'Service'; readonly service: V1Service }
    | { readonly kind: RouteKind; readonly route: KubernetesObject }
    | { readonly kind: 'Namespace'; readonly namespace: V1Namespace };
  readonly annotations: readonly ManifestAnnotation[];
}

export interface ManifestAnnotation extends Position {
  readonly key: string;
  /** What YAML makes of the value; Kubernetes takes text only. */
  readonly value: unknown;
}

export interface Stray extends Position {
  readonly key: string;
  /** The map in which it stands: `metadata.annotations`. */
  readonly place: string;
}

export interface Manifests {
  readonly manifests: readonly Manifest[];
  readonly mistakes: readonly SyntaxMistake[];
}

/** Where the pod templates of the built-in kinds are. Those of other kinds are known by their containers. */
const templates: Readonly<Record<string, string>> = {
  Deployment: 'spec.template',
  StatefulSet: 'spec.template',
  DaemonSet: 'spec.template',
  ReplicaSet: 'spec.template',
  ReplicationController: 'spec.template',
  Job: 'spec.template',
  CronJob: 'spec.jobTemplate.spec.template',
};

/** Where somebody may put annotations in an object of a built-in kind; other fields at the top hold YAML anchors. */
const builtInPlace = /^(?:metadata|spec|annotations|labels)(?![^.[])/;
/** What else a custom resource carries may be meant for another object that is made from it. */
const customPlace = /^metadata(?![^.[])/;

const gatewayApi = 'gateway.networking.k8s.io';

/** Kubernetes itself nests less; what is deeper is no place for a pod template. */
const deepest = 24;

/**
 * The Pods, Services, Ingresses, routes, Namespaces and objects with pod templates in YAML or JSON; others are left out.
 * Never throws.
 */
export function readManifests(text: string): Manifests {
  const { trees, mistakes, at } = readDocuments(text);
  const manifests: Manifest[] = [];
  const unreadable: SyntaxMistake[] = [];
  for (const tree of trees) {
    try {
      for (const object of objects(tree, tree.root, 0)) {
        const manifest = new ObjectReader(tree, object, at).read();
        if (manifest.declaring.length > 0) manifests.push(manifest);
      }
    } catch {
      const message = 'aliases ("*") expand this document too much; simplify it';
      unreadable.push({ ...at(tree.start), message });
    }
  }
  return { manifests, mistakes: [...mistakes, ...unreadable] };
}

/** The object itself, or those of a List. */
function* objects(tree: YamlTree, node: Node | undefined, depth: number): Iterable<Node> {
  if (node === undefined || depth > deepest) return;
  const kind = tree.text(node, 'kind');
  const items = kind.endsWith('List') ? tree.items(tree.at(node, 'items')) : [];
  if (items.length > 0) for (const item of items) yield* objects(tree, item, depth + 1);
  else if (kind !== '') yield node;
}

/** Reads one object, following each of its maps once for every place where it stands. */
class ObjectReader {
  readonly #tree: YamlTree;
  readonly #root: Node;
  readonly #at: (offset: number) => Position;
  readonly #kind: string;
  readonly #isBuiltIn: boolean;
  readonly #routeKind: RouteKind | undefined;
  readonly #declaring: Declaring[] = [];
  /** The maps that the operator reads. */
  readonly #places = new Set<string>();
  readonly #strays: Stray[] = [];

  constructor(tree: YamlTree, root: Node, at: (offset: number) => Position) {
    this.#tree = tree;
    this.#root = root;
    this.#at = at;
    this.#kind = tree.text(root, 'kind');
    const group = tree.text(root, 'apiVersion').split('/').slice(0, -1).join('/');
    // Knative has a Service with a pod template.
    this.#isBuiltIn = ['', 'apps', 'batch', 'extensions', 'networking.k8s.io', gatewayApi].includes(group);
    this.#routeKind = routeKinds.find(
      (kind) => kind === this.#kind && group === (kind === 'Ingress' ? 'networking.k8s.io' : gatewayApi),
    );
  }

  read(): Manifest {
    this.#walk(this.#root, '', 0, false);
    const { name, namespace } = this.#names();
    const at = this.#at(this.#root.range?.[0] ?? 0);
    // What an alias brings to its place may be written in another.
    const read = new Set(this.#declaring.flatMap(({ annotations }) => annotations.map(positionKey)));
    const strays = this.#strays.filter((stray) => !read.has(positionKey(stray)));
    return { kind: this.#kind, name, namespace, ...at, declaring: this.#declaring, strays };
  }

  #walk(node: Node, path: string, depth: number, inTemplate: boolean): void {
    if (depth > deepest || !isCollection(node)) return;
    const declares = !inTemplate && this.#declares(node, path);
    if (declares) {
      const declaring = this.#declaringAt(node, path);
      this.#declaring.push(declaring);
      this.#places.add(declaring.place);
    }
    const isInside = inTemplate || declares;
    const isOurs = isInside || (this.#isBuiltIn ? builtInPlace : customPlace).test(path);
    for (const { key, offset, value } of this.#tree.entries(node)) {
      const place = path === '' ? key : `${path}.${key}`;
      if (isOurs && key.includes('/')) this.#strays.push({ key, place: path, ...this.#at(offset) });
      if (value !== undefined && !this.#places.has(place)) this.#walk(value, place, depth + 1, isInside);
    }
    for (const [index, item] of this.#tree.items(node).entries()) {
      if (item !== undefined) this.#walk(item, `${path}[${index}]`, depth + 1, inTemplate);
    }
  }

  /** Whether it is a Pod, a Service, an Ingress, a route, a Namespace or a pod template. */
  #declares(node: Node, path: string): boolean {
    if (path === '') {
      const isOfCore = this.#isBuiltIn && ['Pod', 'Service', 'Namespace'].includes(this.#kind);
      return isOfCore || this.#routeKind !== undefined;
    }
    if (!isMap(node)) return false;
    if (this.#isBuiltIn && path === templates[this.#kind]) return true;
    return this.#tree.at(node, 'spec', 'containers') !== undefined;
  }

  #declaringAt(node: Node, path: string): Declaring {
    const plain: unknown = this.#tree.plain(node);
    const written = plain as V1Pod;
    const metadata = { ...written.metadata, ...this.#names() };
    const annotations = this.#tree.entries(this.#tree.at(node, 'metadata', 'annotations'));
    return {
      place: path === '' ? 'metadata.annotations' : `${path}.metadata.annotations`,
      object: this.#objectOf(plain, path, metadata),
      annotations: [...annotations].map(({ key, offset, value }) => ({
        key,
        value: isScalar(value) ? value.value : value,
        ...this.#at(offset),
      })),
    };
  }

  #objectOf(plain: unknown, path: string, metadata: NonNullable<V1Pod['metadata']>): Declaring['object'] {
    const kind = path === '' ? this.#kind : 'Pod';
    if (path === '' && this.#routeKind !== undefined) {
      return { kind: this.#routeKind, route: { ...(plain as KubernetesObject), metadata } };
    }
    if (kind === 'Service') return { kind, service: { ...(plain as V1Service), metadata } };
    if (kind === 'Namespace') return { kind, namespace: { ...(plain as V1Namespace), metadata } };
    return { kind: 'Pod', pod: { ...(plain as V1Pod), metadata } };
  }

  #names(): { readonly name: string; readonly namespace: string } {
    const metadata = this.#tree.at(this.#root, 'metadata');
    const name = this.#tree.text(metadata, 'name') || this.#tree.text(metadata, 'generateName');
    return { name, namespace: this.#tree.text(metadata, 'namespace') || 'default' };
  }
}

const positionKey = ({ line, column }: Position): string => `${line}:${column}`;
