/**
 * What the registry can do: which fields are stored there, and whose the nodes are. Everything that behaves
 * differently in one way of registering than in the other looks here.
 */
export interface RegistryFeatures {
  /** A check's Type is stored. Older servers drop it silently (1.8.7), and comparing it would write it each time. */
  readonly checkType: boolean;
  /** A service's TaggedAddresses are stored; as above. */
  readonly taggedAddresses: boolean;
  /** Nodes and their checks are the operator's to write. With agents they are the agents'. */
  readonly ownsNodes: boolean;
  /** Each node has a server of its own: what fails on one says nothing about the others. */
  readonly nodesFailAlone: boolean;
}

/** Of a current Consul's catalog. */
export const catalogFeatures: RegistryFeatures = {
  checkType: true,
  taggedAddresses: true,
  ownsNodes: true,
  nodesFailAlone: false,
};

/** Of the agents on the nodes. */
export const agentFeatures: RegistryFeatures = {
  checkType: true,
  taggedAddresses: true,
  ownsNodes: false,
  nodesFailAlone: true,
};
