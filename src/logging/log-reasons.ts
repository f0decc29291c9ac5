/**
 * Every `reason` a line of the log can carry: stable codes for those who search, count and alert. The reference
 * page is made from them, and the logger takes no other. A reason is never given a new meaning; one that is not
 * used any more goes.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

interface LogReasonEntry {
  readonly levels: readonly LogLevel[];
  readonly area: LogArea;
  readonly means: string;
  /** Empty: nothing. */
  readonly todo: string;
}

export const logAreas = {
  process: 'The process',
  kubernetes: 'Reading Kubernetes',
  leader: 'Leader election',
  consul: 'Access to Consul',
  writing: 'What is written',
  problems: 'What is not as it should be',
  guard: 'What is held',
  owners: 'Events and readiness gates',
} as const;

type LogArea = keyof typeof logAreas;

const info = ['info'] as const;
const warn = ['warn'] as const;
const error = ['error'] as const;
/** `warn`: registered all the same. */
const problem = ['error', 'warn'] as const;

export const logReasons = {
  Connecting: {
    levels: info,
    area: 'process',
    means: 'The configuration is right; connections are opened to the addresses named.',
    todo: '',
  },
  Started: {
    levels: info,
    area: 'process',
    means: 'The operator runs, with this version and policy.',
    todo: '',
  },
  Synced: {
    levels: info,
    area: 'process',
    means: 'The cluster and Consul have been read whole; from now on the leader writes.',
    todo: '',
  },
  Stopped: {
    levels: info,
    area: 'process',
    means: 'The process was asked to end and has ended; registrations stay.',
    todo: '',
  },
  OperatorFailed: {
    levels: ['error', 'debug'],
    area: 'process',
    means:
      'An error of its own ends the process; registrations stay. With level `debug` a second line holds the stack.',
    todo: 'Read the error; one with code `config` is about the configuration. Otherwise report it.',
  },
  ConfigDoubtful: {
    levels: warn,
    area: 'process',
    means: 'Something in the configuration is allowed and probably not meant.',
    todo: 'Change what the line names.',
  },
  DebugDump: {
    levels: info,
    area: 'process',
    means: 'What the process knew when it got SIGUSR2, without secrets. See troubleshooting.md.',
    todo: '',
  },
  StatusServerError: {
    levels: warn,
    area: 'process',
    means: "The server of health, metrics and status page had an error on a client's connection.",
    todo: 'Nothing, unless it repeats: then see who asks.',
  },
  StatusRequestFailed: {
    levels: error,
    area: 'process',
    means: 'A request to the status server could not be answered for an error of its own.',
    todo: 'Report it.',
  },
  LocalSocketUnavailable: {
    levels: warn,
    area: 'process',
    means: 'The Unix socket for commands in the same container could not be made: `release` does not work.',
    todo: 'Mount an empty directory at `/run/kube-registrar`, as the chart does, or make the temporary directory writable.',
  },
  InternalError: {
    levels: error,
    area: 'process',
    means: 'One node could not be computed; the others go on, and this one is tried again.',
    todo: 'Report it with the line.',
  },
  HandlerFailed: {
    levels: error,
    area: 'process',
    means: 'A part that follows the stores failed on a change; the others got it.',
    todo: 'Report it with the line.',
  },

  Listed: { levels: info, area: 'kubernetes', means: 'A reflector has read its resource whole.', todo: '' },
  WatchListRefused: {
    levels: info,
    area: 'kubernetes',
    means: 'The API server does not stream lists; pages are read instead.',
    todo: '',
  },
  ReflectorFailed: {
    levels: ['warn', 'debug'],
    area: 'kubernetes',
    means:
      'A resource cannot be listed or watched. What is known stays, nothing is removed; it is tried again.',
    todo: '`forbidden` names the right that is missing, `unreachable` and `timeout` the connection.',
  },
  ReflectorRecovered: {
    levels: info,
    area: 'kubernetes',
    means: 'The resource can be listed and watched again.',
    todo: '',
  },
  HistoryUnknown: {
    levels: ['debug'],
    area: 'kubernetes',
    means: 'A resource version is no number, so steps back cannot be seen.',
    todo: '',
  },
  Regression: {
    levels: warn,
    area: 'kubernetes',
    means:
      'The cluster shows an older state than before, as after a restored backup of etcd. Removals wait until they are confirmed.',
    todo: 'If nobody restored a backup, look at the API servers.',
  },
  StoreOutdated: {
    levels: warn,
    area: 'kubernetes',
    means:
      'Two comparisons with the API server found objects other than the watch has told of: etcd was restored while the server was away, a list came short, or the watch has fallen behind. Everything is listed again.',
    todo: 'If it comes again and nobody restored a backup, look at the API servers and at proxies before them.',
  },
  NotCompared: {
    levels: ['debug'],
    area: 'kubernetes',
    means: 'A store could not be compared with the API server; it is tried again.',
    todo: '',
  },
  BadObject: {
    levels: warn,
    area: 'kubernetes',
    means: 'An object is not of the shape its API promises; it is left out.',
    todo: 'Look at the object and at what wrote it.',
  },
  ClusterUidUnknown: {
    levels: error,
    area: 'kubernetes',
    means: 'The uid of namespace kube-system cannot be read; nothing is written before it is known.',
    todo: 'Grant `get` on that namespace, or set `cluster.uid`.',
  },

  LeaderElected: {
    levels: info,
    area: 'leader',
    means: 'This process holds the lease and writes.',
    todo: '',
  },
  Standby: {
    levels: info,
    area: 'leader',
    means: 'Another process, which is named, holds the lease.',
    todo: '',
  },
  LeadershipLost: {
    levels: ['info', 'warn'],
    area: 'leader',
    means: 'This process does not write any more: `info` at its end, otherwise with why.',
    todo: 'With `timeout`: the API server is slow, or the process gets too little CPU.',
  },
  LeaseUnavailable: {
    levels: warn,
    area: 'leader',
    means: 'The lease cannot be read or written; tried again.',
    todo: '`forbidden`: grant get, create and update on leases. Otherwise the connection to the API server.',
  },
  LeaseNotWatched: {
    levels: warn,
    area: 'leader',
    means: 'The lease cannot be watched; one that is given back is noticed within `retryPeriod` only.',
    todo: 'Grant `watch` on leases.',
  },
  LeaseNotReleased: {
    levels: warn,
    area: 'leader',
    means: 'The lease could not be given back; the others wait until it expires.',
    todo: '',
  },
  EpochNotClaimed: {
    levels: warn,
    area: 'leader',
    means: 'Consul does not take the new leader yet; nothing is written before it does.',
    todo: 'See the error; usually Consul is away.',
  },
  Unfenced: {
    levels: warn,
    area: 'leader',
    means:
      'The token has no right on the epoch key: a leader that was paused could undo its successor for a moment.',
    todo: 'Grant `key_prefix "kube-registrar/"`: see consul-access.md.',
  },

  ConsulUnavailable: {
    levels: error,
    area: 'consul',
    means: 'Consul cannot be read or written. Registrations stay as they are; tried again until it works.',
    todo: 'See the error: address, token, TLS, no leader. Runbook in alerts.md.',
  },
  ConsulAvailable: {
    levels: info,
    area: 'consul',
    means: 'Consul can be read, or written to, again.',
    todo: '',
  },
  WatchInterrupted: {
    levels: warn,
    area: 'consul',
    means: 'Changes by others are not seen at once; the periodic comparison still finds them.',
    todo: 'See the error, if it does not end by itself.',
  },
  AgentUnavailable: {
    levels: warn,
    area: 'consul',
    means:
      'The Consul agent of a node does not answer. What is registered with it stays as it is; others are not affected.',
    todo: 'See the error. Often the node is gone; then nothing. Otherwise the agent, its port and its address.',
  },
  AgentAvailable: { levels: info, area: 'consul', means: 'The agent of a node answers again.', todo: '' },
  AgentForgotten: {
    levels: info,
    area: 'consul',
    means:
      'A node is gone and its agent has been silent for an hour. Consul removes what was registered there.',
    todo: '',
  },
  WaitsReduced: {
    levels: warn,
    area: 'consul',
    means:
      'Consul takes no more connections from this address, or something between cuts requests that wait. Fewer nodes are watched one by one, or with shorter waits; the others are read when anything changes. Registrations are not affected.',
    todo: 'Nothing, if it is known. Otherwise find what shares the address or cuts the waits: see consul-access.md.',
  },
  WaitsRestored: {
    levels: info,
    area: 'consul',
    means: 'Waits at Consul are as many and as long as they may be again.',
    todo: '',
  },
  WatchResumed: { levels: info, area: 'consul', means: 'Consul is watched again.', todo: '' },
  AclLogin: { levels: info, area: 'consul', means: 'A login gave a new ACL token.', todo: '' },
  AclLoginFailed: {
    levels: error,
    area: 'consul',
    means: 'Consul refuses the login, or could not be asked; tried again.',
    todo: 'See the error: auth method, binding rule, the bearer token and its audience.',
  },
  AclLogoutFailed: {
    levels: warn,
    area: 'consul',
    means: 'The token of the login could not be destroyed at the end; it lives until it expires.',
    todo: 'Give the auth method a `MaxTokenTTL`.',
  },
  TokenRenewed: {
    levels: info,
    area: 'consul',
    means: 'The token file has another token; it is used.',
    todo: '',
  },
  TokenFileUnreadable: {
    levels: warn,
    area: 'consul',
    means: 'The token file is empty or cannot be read; the last token is used.',
    todo: 'Look at the file, its mode and its mount.',
  },
  CertificatesRenewed: {
    levels: info,
    area: 'consul',
    means: 'The certificate files have changed; new connections use them.',
    todo: '',
  },
  CertificatesUnusable: {
    levels: warn,
    area: 'consul',
    means: 'The certificate files cannot be read or do not fit each other; the last good ones are used.',
    todo: 'Nothing for some seconds in the middle of a renewal; otherwise look at the files.',
  },
  HeartbeatRegistered: {
    levels: info,
    area: 'consul',
    means: "The operator's own entry is in Consul and passes.",
    todo: '',
  },
  HeartbeatFailed: {
    levels: warn,
    area: 'consul',
    means: 'Consul does not take the sign of life; the entry turns critical when that goes on.',
    todo: '`forbidden`: grant `session_prefix`: see consul-access.md. Registrations are not concerned.',
  },
  HeartbeatNotRemoved: {
    levels: warn,
    area: 'consul',
    means: 'The entry could not be removed at the end; its check turns critical.',
    todo: 'The next replica clears it away.',
  },

  NodeRegistered: {
    levels: info,
    area: 'writing',
    means: 'A node was written to Consul for the first time.',
    todo: '',
  },
  NodeUpdated: { levels: info, area: 'writing', means: "A node's address or meta was changed.", todo: '' },
  NodeHealth: {
    levels: info,
    area: 'writing',
    means: "A node's check follows the Kubernetes Node.",
    todo: '',
  },
  NodeDeregistered: {
    levels: info,
    area: 'writing',
    means: 'A node without instances, or of a Node that is gone, was removed.',
    todo: '',
  },
  Registered: {
    levels: info,
    area: 'writing',
    means: 'An instance was written for the first time.',
    todo: '',
  },
  Updated: {
    levels: info,
    area: 'writing',
    means: 'An instance was changed: tags, meta, address, weight.',
    todo: '',
  },
  Health: {
    levels: info,
    area: 'writing',
    means: "An instance's check was changed; its output says why.",
    todo: '',
  },
  CheckRemoved: {
    levels: info,
    area: 'writing',
    means: 'A check that is not wanted any more was removed.',
    todo: '',
  },
  Deregistered: {
    levels: info,
    area: 'writing',
    means: 'An instance was removed; `because` says what explained it.',
    todo: '',
  },
  Held: {
    levels: info,
    area: 'writing',
    means: 'The policy, `upsert-only` or `dry-run`, keeps this change from being written. Said once.',
    todo: 'Change `sync.policy` when you want it written.',
  },
  Moving: {
    levels: info,
    area: 'writing',
    means: 'A node has an earlier name of this cluster; it goes when its instances are under new nodes.',
    todo: '',
  },

  InvalidAnnotation: {
    levels: problem,
    area: 'problems',
    means:
      'An annotation is wrong (`error`: the service is not registered, or stays as it was) or doubtful (`warn`).',
    todo: 'Correct the field the line names.',
  },
  ServiceNameDenied: {
    levels: problem,
    area: 'problems',
    means: 'The name is reserved, or claims give it to other namespaces.',
    todo: 'Take another name, or change `claims` or `reservedNames`.',
  },
  AnnotationDenied: {
    levels: problem,
    area: 'problems',
    means: 'The configuration forbids the namespace a tag or a meta key, or everybody the host of a probe.',
    todo: 'Leave it out, or change `tagRules`, `metaRules` or `registration.probeHosts`. See security.md.',
  },
  Conflict: {
    levels: problem,
    area: 'problems',
    means: 'A node or an instance of that name or id belongs to somebody else; theirs is left alone.',
    todo: 'See multi-cluster.md.',
  },
  RegistrationFailed: {
    levels: problem,
    area: 'problems',
    means:
      'Consul refused a change, which is tried again alone, or something that the instance needs is missing.',
    todo: '`Permission denied`: the token may not write this. Otherwise what the error says.',
  },
  Cleared: { levels: info, area: 'problems', means: 'A problem told before is gone.', todo: '' },
  Drift: {
    levels: warn,
    area: 'problems',
    means: 'Somebody else removed, edited or added an entry of ours; it is repaired.',
    todo: 'Again and again: find who writes. Runbook in alerts.md.',
  },
  ForeignInstance: {
    levels: warn,
    area: 'problems',
    means: 'Somebody registered a service on a node of ours; it is left alone.',
    todo: 'Register it on a node of its own.',
  },
  ForeignCheck: {
    levels: warn,
    area: 'problems',
    means: 'Somebody put a check on a node or an instance of ours; it is left alone and counts for health.',
    todo: '',
  },
  SharedServiceName: {
    levels: warn,
    area: 'problems',
    means: 'Several namespaces register one name, or another one than before does.',
    todo: 'If it is not meant so, give the name to one namespace with `claims`.',
  },
  Stale: {
    levels: warn,
    area: 'problems',
    means: 'An instance stays as it was, because its annotations are wrong now.',
    todo: 'Correct them: `InvalidAnnotation` names the field.',
  },

  RemovalHeld: {
    levels: ['warn', 'info'],
    area: 'guard',
    means:
      'More instances are gone without an explanation than may be at once; they stay registered. `info`: each of them.',
    todo: 'Nothing, if they are really gone: they go by themselves, at the latest at `until`. Otherwise pin them; see safety.md.',
  },
  RemovalReleased: {
    levels: info,
    area: 'guard',
    means: 'Removals are not held for their number any more.',
    todo: '',
  },
  HealthHeld: {
    levels: ['warn', 'info'],
    area: 'guard',
    means:
      'Too many instances would turn critical because of their nodes; they keep their status. `info`: each of them.',
    todo: 'Look at the nodes, or at what cut them off from the control plane; see safety.md.',
  },
  HealthReleased: { levels: info, area: 'guard', means: 'No loss of health is held any more.', todo: '' },
  Released: { levels: warn, area: 'guard', means: 'A person let held operations go.', todo: '' },
  Pinned: { levels: warn, area: 'guard', means: 'A person wants held operations to stay held.', todo: '' },
  LeasesForbidden: {
    levels: warn,
    area: 'guard',
    means:
      'No right to read the Leases of kubelets: what is missing without an explanation is held for longer.',
    todo: 'Grant list on leases in namespace kube-node-lease.',
  },
  ProofsUnknown: {
    levels: ['debug'],
    area: 'guard',
    means: 'What could prove that held instances have ended could not be read; it is tried again.',
    todo: '',
  },

  EventsForbidden: {
    levels: warn,
    area: 'owners',
    means: 'No right to write Events in a namespace: the owners of pods and Services there are not told.',
    todo: 'Grant create and patch on events of events.k8s.io.',
  },
  EventsAllowed: { levels: info, area: 'owners', means: 'The right is there again.', todo: '' },
  EventsFailing: {
    levels: warn,
    area: 'owners',
    means: 'The API server does not take Events at the moment; some are lost.',
    todo: '',
  },
  EventsWritten: { levels: info, area: 'owners', means: 'Events are written again.', todo: '' },
  GateOpened: {
    levels: info,
    area: 'owners',
    means: "A pod's readiness gate was set True; `because` says why.",
    todo: '',
  },
  GateNotOpened: {
    levels: error,
    area: 'owners',
    means: 'A readiness gate could not be set: the pod is not Ready, and a rollout waits. Tried again.',
    todo: '`forbidden`: grant patch on pods/status.',
  },
  GatesOpening: { levels: info, area: 'owners', means: 'Readiness gates can be set again.', todo: '' },
} as const satisfies Readonly<Record<string, LogReasonEntry>>;

/** What a line of this level may give as its reason. */
export type LogReason<Level extends LogLevel = LogLevel> = {
  [Reason in keyof typeof logReasons]: Level & (typeof logReasons)[Reason]['levels'][number] extends never
    ? never
    : Reason;
}[keyof typeof logReasons];
