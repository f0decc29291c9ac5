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
    Connecting: info('The configuration is valid; the operator connects to the addresses in this line.'),
    Started: info('The operator is running, with this version and policy.'),
    Synced: info('The cluster and Consul have been read completely; the leader starts to write.'),
    Stopped: info('The process ended because it was asked to; registrations stay.'),
    OperatorFailed: at('error', 'debug')(
      'An internal error ends the process; registrations stay. With level `debug` a second line has the stack trace.',
      'Read the error; one with code `config` is about the configuration. Otherwise report it.',
    ),
    ConfigDoubtful: warn(
      'Something in the configuration is allowed, but probably not intended.',
      'Change the setting in this line.',
    ),
    DebugDump: info(
      'The state of the process when it received SIGUSR2, without secrets. See troubleshooting.md.',
    ),
    StatusServerError: warn(
      "The server of health, metrics and status page had an error on a client's connection.",
      'Nothing, unless it repeats: then see who asks.',
    ),
    StatusRequestFailed: error(
      'The status server could not answer a request because of an internal error.',
      'Report it.',
    ),
    LocalSocketUnavailable: warn(
      'The Unix socket for commands in the same container could not be created: `release` does not work.',
      'Mount an empty directory at `/run/kube-registrar`, as the chart does, or make the temporary directory writable.',
    ),
    InternalError: error(
      'The state of one node could not be computed. The others continue, and this one is retried.',
      'Report it with the line.',
    ),
    HandlerFailed: error(
      'A component that follows the stores failed on a change; the others received it.',
      'Report it with the line.',
    ),
  },
  'Reading Kubernetes': {
    Listed: info('A reflector has read its resource completely.'),
    WatchListRefused: info('The API server does not stream lists; pages are read instead.'),
    ReflectorFailed: at('warn', 'debug')(
      'A resource cannot be listed or watched. What is known stays and nothing is removed; it is retried.',
      '`forbidden` names the missing right; `unreachable` and `timeout` mean the connection.',
    ),
    NotInstalled: info(
      'A resource that `sync.sources` names is not installed in the cluster. It is checked again every half minute.',
    ),
    ReflectorRecovered: info('The resource can be listed and watched again.'),
    HistoryUnknown: debug('A resource version is not a number, so steps back in history cannot be detected.'),
    Regression: warn(
      'The cluster shows an older state than before, as after a restored backup of etcd. Removals wait until they are confirmed.',
      'If nobody restored a backup, check the API servers.',
    ),
    StoreOutdated: warn(
      'Two comparisons with the API server found objects other than the watch has reported: etcd was restored while the server was away, a list was incomplete, or the watch has fallen behind. Everything is listed again.',
      'If it happens again and nobody restored a backup, check the API servers and the proxies in front of them.',
    ),
    NotCompared: debug('A store could not be compared with the API server; it is retried.'),
    BadObject: warn(
      'An object does not have the shape that its API defines; it is skipped.',
      'Check the object and the program that wrote it.',
    ),
    ClusterUidUnknown: error(
      'The uid of namespace kube-system cannot be read; nothing is written before it is known.',
      'Grant `get` on that namespace, or set `cluster.uid`.',
    ),
  },
  'Leader election': {
    LeaderElected: info('This process holds the lease and writes.'),
    Standby: info('Another process, named in this line, holds the lease.'),
    LeadershipLost: at('info', 'warn')(
      'This process no longer writes: `info` when it ends, otherwise `warn` with the cause.',
      '`timeout`: the API server is slow, or the process gets too little CPU.',
    ),
    LeaseUnavailable: warn(
      'The lease cannot be read or written; it is retried.',
      '`forbidden`: grant get, create and update on leases. Otherwise the connection to the API server.',
    ),
    LeaseNotWatched: warn(
      'The lease cannot be watched; its release is only noticed within `retryPeriod`.',
      'Grant `watch` on leases.',
    ),
    LeaseNotReleased: warn('The lease could not be released; the other replicas wait until it expires.'),
    EpochNotClaimed: warn(
      'Consul does not accept the new leader yet; nothing is written until it does.',
      'See the error; usually Consul is unreachable.',
    ),
    Unfenced: warn(
      'The token has no right on the epoch key: a leader that was paused could undo its successor for a moment.',
      'Grant `key_prefix "kube-registrar/"`: see consul-access.md.',
    ),
  },
  'Access to Consul': {
    ConsulUnavailable: error(
      'Consul cannot be read or written. Registrations stay as they are; it is retried until it works.',
      'See the error: address, token, TLS, no leader. Runbook in alerts.md.',
    ),
    ConsulAvailable: info('Consul can be read, or written to, again.'),
    WatchInterrupted: warn(
      'External changes are not noticed at once; the periodic comparison still finds them.',
      'See the error, if it does not end by itself.',
    ),
    AgentUnavailable: warn(
      'The Consul agent of a node does not answer. Registrations at this agent stay as they are; other agents are not affected.',
      'See the error. If the node no longer exists, nothing. Otherwise check the agent, its port and its address.',
    ),
    AgentAvailable: info('The agent of a node answers again.'),
    AgentForgotten: info(
      'A node no longer exists and its agent has been silent for an hour. Consul removes its registrations.',
    ),
    WaitsReduced: warn(
      'Consul accepts no more connections from this address, or a proxy cuts blocking queries. Fewer nodes are watched one by one, or with shorter waits; the others are read when anything changes. Registrations are not affected.',
      'Nothing, if this is expected. Otherwise find out what shares the address or cuts the queries: see consul-access.md.',
    ),
    WaitsRestored: info('Blocking queries at Consul are back at their full number and length.'),
    WatchResumed: info('Consul is watched again.'),
    AclLogin: info('A login returned a new ACL token.'),
    AclLoginFailed: error(
      'Consul refuses the login or is unreachable; it is retried.',
      'See the error: auth method, binding rule, the bearer token and its audience.',
    ),
    AclLogoutFailed: warn(
      'The token of the login could not be destroyed at the end; it stays valid until it expires.',
      'Give the auth method a `MaxTokenTTL`.',
    ),
    TokenRenewed: info('The token file has a new token, which is used from now on.'),
    TokenFileUnreadable: warn(
      'The token file is empty or cannot be read; the last token is used.',
      'Check the file, its mode and its mount.',
    ),
    CertificatesRenewed: info('The certificate files have changed; new connections use them.'),
    CertificatesUnusable: warn(
      'The certificate files cannot be read or do not match; the last valid ones are used.',
      'Nothing, if it lasts a few seconds during a renewal; otherwise check the files.',
    ),
    HeartbeatRegistered: info("The operator's own entry is in Consul and passes."),
    HeartbeatFailed: warn(
      'Consul refuses the heartbeat; the entry turns critical if this continues.',
      '`forbidden`: grant `session_prefix`: see consul-access.md. Registrations are not affected.',
    ),
    HeartbeatNotRemoved: warn(
      'The entry could not be removed at the end; its check turns critical.',
      'The next replica removes it.',
    ),
  },
  'What is written': {
    NodeRegistered: change('A node was written to Consul for the first time.'),
    NodeUpdated: change("A node's address or meta was changed."),
    NodeHealth: change("A node's check follows the Kubernetes Node."),
    NodeDeregistered: info('A node without instances, or without a Kubernetes Node, was removed.'),
    Registered: change('An instance was written for the first time.'),
    Updated: change('An instance was changed: tags, meta, address, weight.'),
    Health: change("An instance's check was changed; its output says why."),
    CheckRemoved: change('A check that is no longer wanted was removed.'),
    Deregistered: info('An instance was removed; `because` gives the reason.'),
    ManyChanges: info(
      'More than 200 changes were written within a second. This line counts those without a line of their own, by reason. With level `debug` they have one, too; removals always do.',
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
      'Correct the field in this line.',
    ),
    ServiceNameDenied: problem(
      'The name is reserved, or claims give it to other namespaces.',
      'Use another name, or change `claims` or `reservedNames`.',
    ),
    AnnotationDenied: problem(
      'The configuration forbids a tag or a meta key for the namespace, or the host of a probe for all.',
      'Remove it, or change `tagRules`, `metaRules` or `registration.probeHosts`. See security.md.',
    ),
    Conflict: problem(
      'A node or an instance of that name or id belongs to another owner; it is left alone.',
      'See multi-cluster.md.',
    ),
    RegistrationFailed: problem(
      'Consul refused a change, which is retried separately, or something that the instance needs is missing.',
      '`Permission denied`: the token may not write this. Otherwise see the error.',
    ),
    Cleared: info('A problem reported before is resolved.'),
    Drift: warn(
      'An entry of this operator was removed, edited or added externally; it is repaired.',
      'If it repeats, find out who writes. Runbook in alerts.md.',
    ),
    ForeignInstance: warn(
      'Another program registered a service on a node of this cluster; it is left alone.',
      'Register it on another node.',
    ),
    ForeignCheck: warn(
      'Another program put a check on a node or an instance of this cluster; it is left alone and counts for health.',
    ),
    SharedServiceName: warn(
      'Several namespaces register one name, or a different namespace than before does.',
      'If this is not intended, give the name to one namespace with `claims`.',
    ),
    Stale: warn(
      'An instance stays as it was, because its annotations are wrong now. One line for all replicas.',
      'Correct them: `InvalidAnnotation` names the field.',
    ),
  },
  'What is held': {
    RemovalHeld: at('warn', 'info')(
      'More instances are missing without an explanation than the limit allows; they stay registered. `info`: one line for each.',
      'Nothing, if they have really ended: they are removed by themselves, at the latest at `until`. Otherwise pin them; see safety.md.',
    ),
    RemovalReleased: info('Removals are no longer held because of their number.'),
    HealthHeld: at('warn', 'info')(
      'Too many instances would turn critical because of their nodes; they keep their status. `info`: one line for each.',
      'Check the nodes, and what cut them off from the control plane; see safety.md.',
    ),
    HealthReleased: info('No loss of health is held any longer.'),
    Released: warn('A person approved held operations.'),
    Pinned: warn('A person keeps held operations from ending.'),
    LeasesForbidden: warn(
      'No right to read the Leases of kubelets: what is missing without an explanation is held for longer.',
      'Grant list on leases in namespace kube-node-lease.',
    ),
    ProofsUnknown: debug('The proofs that held instances have ended could not be read; it is retried.'),
  },
  'Events and readiness gates': {
    EventsForbidden: warn(
      'No right to write Events in a namespace: the owners of pods and Services there are not informed.',
      'Grant create and patch on events of events.k8s.io.',
    ),
    EventsAllowed: info('The right is granted again.'),
    EventsFailing: warn('The API server does not accept Events at the moment; some are lost.'),
    EventsWritten: info('Events are written again.'),
    GateOpened: info("A pod's readiness gate was set to True; `because` gives the reason."),
    GateNotOpened: error(
      'A readiness gate could not be set: the pod is not Ready, and a rollout waits. It is retried.',
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
