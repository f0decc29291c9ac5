/**
 * Every `reason` a line of the log can carry: stable codes for those who search, count and alert. The reference
 * page is made from them, and the logger takes no other. A reason is never given a new meaning; one that is not
 * used any more goes.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A reason of lines of these levels: what it means, and what to do about it. */
const at =
  <const Levels extends readonly LogLevel[]>(...levels: Levels) =>
  (means: string, todo = '') => ({ levels, means, todo });
const debug = at('debug');
const info = at('info');
const warn = at('warn');
const error = at('error');
/** `debug`: among many. */
const change = at('info', 'debug');
/** `error`: something is not registered, or stays as it was. `warn`: nothing is refused for it. */
const problem = at('error', 'warn');

/** By the sections of the reference page. */
export const logReasons = {
  'The process': {
    Connecting: info('The configuration is right; connections are opened to the addresses named.'),
    Started: info('The operator runs, with this version and policy.'),
    Synced: info('The cluster and Consul have been read whole; from now on the leader writes.'),
    Stopped: info('The process was asked to end and has ended; registrations stay.'),
    OperatorFailed: at('error', 'debug')(
      'An error of its own ends the process; registrations stay. With level `debug` a second line holds the stack.',
      'Read the error; one with code `config` is about the configuration. Otherwise report it.',
    ),
    ConfigDoubtful: warn(
      'Something in the configuration is allowed and probably not meant.',
      'Change what the line names.',
    ),
    DebugDump: info('What the process knew when it got SIGUSR2, without secrets. See troubleshooting.md.'),
    StatusServerError: warn(
      "The server of health, metrics and status page had an error on a client's connection.",
      'Nothing, unless it repeats: then see who asks.',
    ),
    StatusRequestFailed: error(
      'A request to the status server could not be answered for an error of its own.',
      'Report it.',
    ),
    LocalSocketUnavailable: warn(
      'The Unix socket for commands in the same container could not be made: `release` does not work.',
      'Mount an empty directory at `/run/kube-registrar`, as the chart does, or make the temporary directory writable.',
    ),
    InternalError: error(
      'One node could not be computed; the others go on, and this one is tried again.',
      'Report it with the line.',
    ),
    HandlerFailed: error(
      'A part that follows the stores failed on a change; the others got it.',
      'Report it with the line.',
    ),
  },
  'Reading Kubernetes': {
    Listed: info('A reflector has read its resource whole.'),
    WatchListRefused: info('The API server does not stream lists; pages are read instead.'),
    ReflectorFailed: at('warn', 'debug')(
      'A resource cannot be listed or watched. What is known stays, nothing is removed; it is tried again.',
      '`forbidden` names the right that is missing, `unreachable` and `timeout` the connection.',
    ),
    NotInstalled: info(
      'A resource that `sync.sources` names is not installed in the cluster. It is looked for again every half minute.',
    ),
    ReflectorRecovered: info('The resource can be listed and watched again.'),
    HistoryUnknown: debug('A resource version is no number, so steps back cannot be seen.'),
    Regression: warn(
      'The cluster shows an older state than before, as after a restored backup of etcd. Removals wait until they are confirmed.',
      'If nobody restored a backup, look at the API servers.',
    ),
    StoreOutdated: warn(
      'Two comparisons with the API server found objects other than the watch has reported: etcd was restored while the server was away, a list came short, or the watch has fallen behind. Everything is listed again.',
      'If it comes again and nobody restored a backup, look at the API servers and at proxies before them.',
    ),
    NotCompared: debug('A store could not be compared with the API server; it is tried again.'),
    BadObject: warn(
      'An object is not of the shape its API promises; it is left out.',
      'Look at the object and at what wrote it.',
    ),
    ClusterUidUnknown: error(
      'The uid of namespace kube-system cannot be read; nothing is written before it is known.',
      'Grant `get` on that namespace, or set `cluster.uid`.',
    ),
  },
  'Leader election': {
    LeaderElected: info('This process holds the lease and writes.'),
    Standby: info('Another process, which is named, holds the lease.'),
    LeadershipLost: at('info', 'warn')(
      'This process does not write any more: `info` at its end, otherwise with why.',
      'With `timeout`: the API server is slow, or the process gets too little CPU.',
    ),
    LeaseUnavailable: warn(
      'The lease cannot be read or written; tried again.',
      '`forbidden`: grant get, create and update on leases. Otherwise the connection to the API server.',
    ),
    LeaseNotWatched: warn(
      'The lease cannot be watched; one that is given back is noticed within `retryPeriod` only.',
      'Grant `watch` on leases.',
    ),
    LeaseNotReleased: warn('The lease could not be given back; the others wait until it expires.'),
    EpochNotClaimed: warn(
      'Consul does not take the new leader yet; nothing is written before it does.',
      'See the error; usually Consul is away.',
    ),
    Unfenced: warn(
      'The token has no right on the epoch key: a leader that was paused could undo its successor for a moment.',
      'Grant `key_prefix "kube-registrar/"`: see consul-access.md.',
    ),
  },
  'Access to Consul': {
    ConsulUnavailable: error(
      'Consul cannot be read or written. Registrations stay as they are; tried again until it works.',
      'See the error: address, token, TLS, no leader. Runbook in alerts.md.',
    ),
    ConsulAvailable: info('Consul can be read, or written to, again.'),
    WatchInterrupted: warn(
      'Changes by others are not seen at once; the periodic comparison still finds them.',
      'See the error, if it does not end by itself.',
    ),
    AgentUnavailable: warn(
      'The Consul agent of a node does not answer. What is registered with it stays as it is; others are not affected.',
      'See the error. Often the node is gone; then nothing. Otherwise the agent, its port and its address.',
    ),
    AgentAvailable: info('The agent of a node answers again.'),
    AgentForgotten: info(
      'A node is gone and its agent has been silent for an hour. Consul removes what was registered there.',
    ),
    WaitsReduced: warn(
      'Consul takes no more connections from this address, or something between cuts requests that wait. Fewer nodes are watched one by one, or with shorter waits; the others are read when anything changes. Registrations are not affected.',
      'Nothing, if it is known. Otherwise find what shares the address or cuts the waits: see consul-access.md.',
    ),
    WaitsRestored: info('Waits at Consul are as many and as long as they may be again.'),
    WatchResumed: info('Consul is watched again.'),
    AclLogin: info('A login gave a new ACL token.'),
    AclLoginFailed: error(
      'Consul refuses the login, or could not be asked; tried again.',
      'See the error: auth method, binding rule, the bearer token and its audience.',
    ),
    AclLogoutFailed: warn(
      'The token of the login could not be destroyed at the end; it lives until it expires.',
      'Give the auth method a `MaxTokenTTL`.',
    ),
    TokenRenewed: info('The token file has another token; it is used.'),
    TokenFileUnreadable: warn(
      'The token file is empty or cannot be read; the last token is used.',
      'Look at the file, its mode and its mount.',
    ),
    CertificatesRenewed: info('The certificate files have changed; new connections use them.'),
    CertificatesUnusable: warn(
      'The certificate files cannot be read or do not fit each other; the last good ones are used.',
      'Nothing for some seconds in the middle of a renewal; otherwise look at the files.',
    ),
    HeartbeatRegistered: info("The operator's own entry is in Consul and passes."),
    HeartbeatFailed: warn(
      'Consul does not take the sign of life; the entry turns critical when that goes on.',
      '`forbidden`: grant `session_prefix`: see consul-access.md. Registrations are not concerned.',
    ),
    HeartbeatNotRemoved: warn(
      'The entry could not be removed at the end; its check turns critical.',
      'The next replica clears it away.',
    ),
  },
  'What is written': {
    NodeRegistered: change('A node was written to Consul for the first time.'),
    NodeUpdated: change("A node's address or meta was changed."),
    NodeHealth: change("A node's check follows the Kubernetes Node."),
    NodeDeregistered: info('A node without instances, or of a Node that is gone, was removed.'),
    Registered: change('An instance was written for the first time.'),
    Updated: change('An instance was changed: tags, meta, address, weight.'),
    Health: change("An instance's check was changed; its output says why."),
    CheckRemoved: change('A check that is not wanted any more was removed.'),
    Deregistered: info('An instance was removed; `because` says what explained it.'),
    ManyChanges: info(
      'More than 200 changes were written within a second: how many beyond those that have a line each, by their reasons. With level `debug` they have a line, too. Removals always have one.',
    ),
    Held: info(
      'The policy, `upsert-only` or `dry-run`, keeps this change from being written. Logged once for each change.',
      'Change `sync.policy` when you want it written.',
    ),
    Moving: info(
      'A node has an earlier name of this cluster; it is removed once its instances are under new nodes.',
    ),
  },
  'What is not as it should be': {
    InvalidAnnotation: problem(
      'An annotation is wrong (`error`: the service is not registered, or stays as it was) or suspicious (`warn`). One line for all replicas with the same mistake; `replicas` is what their names share.',
      'Correct the field the line names.',
    ),
    ServiceNameDenied: problem(
      'The name is reserved, or claims give it to other namespaces.',
      'Take another name, or change `claims` or `reservedNames`.',
    ),
    AnnotationDenied: problem(
      'The configuration forbids the namespace a tag or a meta key, or everybody the host of a probe.',
      'Leave it out, or change `tagRules`, `metaRules` or `registration.probeHosts`. See security.md.',
    ),
    Conflict: problem(
      'A node or an instance of that name or id belongs to another owner; it is left alone.',
      'See multi-cluster.md.',
    ),
    RegistrationFailed: problem(
      'Consul refused a change, which is tried again alone, or something that the instance needs is missing.',
      '`Permission denied`: the token may not write this. Otherwise what the error says.',
    ),
    Cleared: info('A problem reported before is resolved.'),
    Drift: warn(
      'An entry of this operator was removed, edited or added externally; it is repaired.',
      'Again and again: find who writes. Runbook in alerts.md.',
    ),
    ForeignInstance: warn(
      'Another program registered a service on a node of this cluster; it is left alone.',
      'Register it on a node of its own.',
    ),
    ForeignCheck: warn(
      'Another program put a check on a node or an instance of this cluster; it is left alone and counts for health.',
    ),
    SharedServiceName: warn(
      'Several namespaces register one name, or another one than before does.',
      'If it is not meant so, give the name to one namespace with `claims`.',
    ),
    Stale: warn(
      'An instance stays as it was, because its annotations are wrong now. One line for all replicas.',
      'Correct them: `InvalidAnnotation` names the field.',
    ),
  },
  'What is held': {
    RemovalHeld: at('warn', 'info')(
      'More instances are gone without an explanation than may be at once; they stay registered. `info`: each of them.',
      'Nothing, if they are really gone: they go by themselves, at the latest at `until`. Otherwise pin them; see safety.md.',
    ),
    RemovalReleased: info('Removals are not held for their number any more.'),
    HealthHeld: at('warn', 'info')(
      'Too many instances would turn critical because of their nodes; they keep their status. `info`: each of them.',
      'Look at the nodes, or at what cut them off from the control plane; see safety.md.',
    ),
    HealthReleased: info('No loss of health is held any more.'),
    Released: warn('A person approved held operations.'),
    Pinned: warn('A person keeps held operations from ending.'),
    LeasesForbidden: warn(
      'No right to read the Leases of kubelets: what is missing without an explanation is held for longer.',
      'Grant list on leases in namespace kube-node-lease.',
    ),
    ProofsUnknown: debug(
      'What could prove that held instances have ended could not be read; it is tried again.',
    ),
  },
  'Events and readiness gates': {
    EventsForbidden: warn(
      'No right to write Events in a namespace: the owners of pods and Services there are not informed.',
      'Grant create and patch on events of events.k8s.io.',
    ),
    EventsAllowed: info('The right is there again.'),
    EventsFailing: warn('The API server does not take Events at the moment; some are lost.'),
    EventsWritten: info('Events are written again.'),
    GateOpened: info("A pod's readiness gate was set True; `because` says why."),
    GateNotOpened: error(
      'A readiness gate could not be set: the pod is not Ready, and a rollout waits. Tried again.',
      '`forbidden`: grant patch on pods/status.',
    ),
    GatesOpening: info('Readiness gates can be set again.'),
  },
} as const;

type Sections = typeof logReasons;
type ReasonIn<Section extends keyof Sections, Level> = {
  [Reason in keyof Sections[Section]]: Sections[Section][Reason] extends { levels: readonly (infer Levels)[] }
    ? Level & Levels extends never
      ? never
      : Reason
    : never;
}[keyof Sections[Section]];

/** What a line of this level may give as its reason. */
export type LogReason<Level extends LogLevel = LogLevel> = {
  [Section in keyof Sections]: ReasonIn<Section, Level>;
}[keyof Sections];
