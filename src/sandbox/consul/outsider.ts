import {
  deleteCheck,
  deleteNode,
  deleteService,
  ensureCheck,
  ensureNode,
  ensureService,
  type Unstamped,
} from './catalog-writes.ts';
import { nodeService, type ServiceFields } from './entries.ts';
import type { CheckRow, NodeRow, NodeService } from './rows.ts';
import { checkKey, nodeKey, type Store, serviceKey } from './store.ts';

type Fields<T> = Partial<Unstamped<T>>;

/**
 * Somebody else with full rights who reads and changes the catalog directly, each change an entry of the
 * log like any other. For scenarios: what an operator must notice and repair.
 */
export class Outsider {
  readonly #store: Store;
  readonly #datacenter: string;

  constructor(store: Store, datacenter: string) {
    this.#store = store;
    this.#datacenter = datacenter;
  }

  nodes(): readonly NodeRow[] {
    return this.#store.nodes.list();
  }

  services(node: string): readonly NodeService[] {
    return this.#store.services.by('node', nodeKey(node)).map(({ entry }) => entry);
  }

  checks(node: string): readonly CheckRow[] {
    return this.#store.checks.by('node', nodeKey(node));
  }

  /** Creates a node or changes the fields given. */
  putNode(fields: Fields<NodeRow> & Pick<NodeRow, 'Node'>): void {
    const known = this.#store.nodes.get(nodeKey(fields.Node));
    const blank = { ID: '', Address: '', Datacenter: this.#datacenter, TaggedAddresses: null, Meta: null };
    this.#store.apply((write) => ensureNode(this.#store, write, { ...blank, ...known, ...fields }));
  }

  /** Creates a service or changes the fields given. */
  putService(node: string, fields: Partial<ServiceFields> & Pick<ServiceFields, 'ID'>): void {
    const known = this.#store.services.get(serviceKey(node, fields.ID))?.entry;
    const blank: ServiceFields = {
      Kind: '',
      ID: fields.ID,
      Service: fields.ID,
      Tags: null,
      Address: '',
      TaggedAddresses: null,
      Meta: null,
      Port: 0,
      Weights: undefined,
      EnableTagOverride: false,
    };
    this.#store.apply((write) =>
      ensureService(this.#store, write, node, nodeService({ ...blank, ...known, ...fields })),
    );
  }

  /** Creates a check or changes the fields given. */
  putCheck(fields: Fields<CheckRow> & Pick<CheckRow, 'Node' | 'CheckID'>): void {
    const known = this.#store.checks.get(checkKey(fields.Node, fields.CheckID));
    const blank = {
      Name: fields.CheckID,
      Status: 'critical',
      Notes: '',
      Output: '',
      ServiceID: '',
      ServiceName: '',
      ServiceTags: null,
      Type: '',
      Interval: '',
      Timeout: '',
      ExposedPort: 0,
      Definition: {},
    };
    this.#store.apply((write) => ensureCheck(this.#store, write, { ...blank, ...known, ...fields }));
  }

  removeNode(node: string): void {
    this.#store.apply((write) => deleteNode(this.#store, write, node));
  }

  removeService(node: string, id: string): void {
    this.#store.apply((write) => deleteService(this.#store, write, node, id));
  }

  removeCheck(node: string, id: string): void {
    this.#store.apply((write) => deleteCheck(this.#store, write, node, id));
  }
}
