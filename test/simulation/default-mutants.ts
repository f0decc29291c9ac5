import type { Mutant } from './mutants.ts';

const ofNamespaces = 'namespaces come, go, and change their labels and annotations';
const ofObjects = 'objects without annotations opt out, come in, and change what they are';
const ofReading = 'Namespaces may not be read, or are missing from a list';
const ofConfiguration = 'a mistake in the configuration leaves out what was registered';

/** Of registration without annotations. */
export const defaultMutants: readonly Mutant[] = [
  {
    name: 'registers what is in the namespaces that the configuration excludes',
    edits: [
      {
        file: 'src/desired/sync-rules.ts',
        original: 'if (isExcluded(name) || !isIncluded(name)) return',
        mutated: 'if (!isIncluded(name)) return',
      },
    ],
    rows: [ofObjects],
    invariants: ['convergence'],
  },
  {
    name: 'registers by default what is in the namespaces of the system',
    edits: [
      {
        file: 'src/desired/sync-rules.ts',
        original: "const takesDefault = kind !== 'none' && !system.has(name);",
        mutated: "const takesDefault = kind !== 'none';",
      },
    ],
    rows: [ofObjects],
    invariants: ['convergence'],
  },
  {
    name: 'does not follow the labels of a namespace',
    edits: [
      {
        file: 'src/kube/cluster-stores.ts',
        original: 'if (was === is) return;',
        mutated: 'if (was !== undefined) return;',
      },
    ],
    rows: [ofNamespaces],
    invariants: ['convergence', 'memory'],
  },
  {
    name: 'prefers the default of a namespace to the annotation of an object',
    edits: [
      {
        file: 'src/desired/default-fields.ts',
        original: "if (name === 'tags' ? raw.tags.length > 0 : isSet(raw, name)) continue;",
        mutated: '',
      },
    ],
    rows: [ofNamespaces],
    invariants: ['convergence'],
  },
  {
    name: 'registers anew what is in namespaces that it has not read',
    edits: [
      {
        file: 'src/desired/source.ts',
        original: "scope?.outside === 'unknown';",
        mutated: 'scope === undefined && scope !== undefined;',
      },
    ],
    rows: [ofReading],
    invariants: ['unasked'],
  },
  {
    name: 'takes a namespace that it has not read for one without the labels',
    edits: [
      {
        file: 'src/desired/sync-rules.ts',
        original: "if (record === undefined) return { outside: 'unknown', takesDefault, problems };",
        mutated: "if (record === undefined) return { outside: 'unselected', takesDefault, problems };",
      },
    ],
    rows: [ofReading],
    invariants: ['loss', 'needless'],
  },
  {
    name: 'believes a configuration that leaves out what was registered',
    edits: [
      {
        file: 'src/plan/evidence.ts',
        original:
          "return wasByDefault || object.scope?.outside !== undefined ? unexplained('left-out', subject) : undefined;",
        mutated: 'return wasByDefault && !wasByDefault ? unexplained("left-out", subject) : undefined;',
      },
    ],
    rows: [ofConfiguration],
    invariants: ['loss'],
  },
  {
    name: 'keeps for an object with a mistake only what that object got itself',
    edits: [
      {
        file: 'src/plan/kept.ts',
        original: "near.find((source) => podUid !== '' && source.service.toLowerCase() === name)",
        mutated: 'undefined',
      },
    ],
    rows: [ofObjects],
    invariants: ['loss'],
  },
  {
    name: 'lets the health of what stays follow the loss of all nodes',
    edits: [
      {
        file: 'src/plan/panic.ts',
        original: 'const alone = leftAlone(desired, observed, keeping);',
        mutated: 'const alone = leftAlone({ ...desired, stale: [] }, observed, keeping);',
      },
    ],
    rows: ['mass NotReady (control plane cut off from the nodes)', ofReading],
    invariants: ['hold'],
  },
];
