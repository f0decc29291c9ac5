import { connectionBudget, sharedWaits } from '../config/connection-budget.ts';
import type { Config } from '../config/schema.ts';
import { ConsulClient } from '../consul/client.ts';
import type { ConsulApiOptions } from '../consul/consul-api.ts';
import { createBaseTags } from '../desired/base-tags.ts';
import type { DeclarationRules } from '../desired/check-declaration.ts';
import { createClaims } from '../desired/claims.ts';
import type { ClusterView } from '../desired/cluster-view.ts';
import { consulK8sDialect } from '../desired/dialects/consul-k8s.ts';
import type { Dialect } from '../desired/dialects/dialect.ts';
import { kubeConsulRegisterDialect } from '../desired/dialects/kube-consul-register.ts';
import { kubeConsulRegistratorDialect } from '../desired/dialects/kube-consul-registrator.ts';
import { registratorDialect } from '../desired/dialects/registrator.ts';
import { createHostList } from '../desired/host-list.ts';
import { createLabelRules } from '../desired/label-rules.ts';
import { isAsItIs } from '../desired/naming.ts';
import type { NodeNames } from '../desired/node-names.ts';
import type { DesiredOptions } from '../desired/options.ts';
import { createPatternRules } from '../desired/pattern-rules.ts';
import { ClusterStores, type ClusterStoresOptions } from '../kube/cluster-stores.ts';
import type { ReflectorStatus } from '../kube/reflector/reflector-state.ts';
import type { Clock } from '../lib/clock.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import type { Secret } from '../lib/secret.ts';
import type { Transport } from '../lib/transport.ts';
import type { Logger } from '../logging/logger.ts';
import type { ClusterUid } from '../model/keys.ts';
import { AgentRegistry } from '../registry/agent/agent-registry.ts';
import { CatalogRegistry } from '../registry/catalog/catalog-registry.ts';
import type { Registry } from '../registry/registry.ts';

/** What the operator and the commands `plan`, `purge` and `explain` need to reach a cluster and its Consul. */
export interface Surroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** To the API server, credentials included. */
  readonly kube: Transport;
  /** To Consul; the token is added to every request. */
  readonly consul: Transport;
  readonly token: () => Secret | undefined;
  /** To the Consul agent at an origin, token as for `consul`. Needed for registration with agents. */
  readonly agents?: (origin: string) => Transport;
}

export function consulClientOf(surroundings: Surroundings): ConsulClient {
  return new ConsulClient({ ...consulHttpOf(surroundings), transport: surroundings.consul });
}

/** Requests to Consul, wherever they go. */
export function consulHttpOf({ config, clock, token }: Surroundings): Omit<ConsulApiOptions, 'transport'> {
  const { datacenter, namespace, partition, requestTimeout } = config.consul;
  return {
    clock,
    token,
    timeoutMs: requestTimeout,
    datacenter,
    namespace,
    partition,
  };
}

/** What a registry follows of the cluster. */
export interface RegistryView {
  readonly owner: ClusterUid;
  readonly view: ClusterView;
  readonly names: NodeNames;
  /** Resolves when the cluster has been read: with agents, it shows which there are. */
  readonly synced: (signal: AbortSignal) => Promise<void>;
}

/** The registry that the configuration names. */
export function registryOf(surroundings: Surroundings, view: RegistryView): Registry {
  const { config, clock, random, logger, consul: transport, agents: connect } = surroundings;
  const { consul, registration, sync } = config;
  const http = consulHttpOf(surroundings);
  const common = { clock, random, logger, owner: view.owner, fullComparisonMs: sync.fullComparisonInterval };
  switch (registration.mode) {
    case 'catalog': {
      const { waits } = connectionBudget(consul.connections, consul.acl.authMethod !== undefined);
      return new CatalogRegistry({
        ...common,
        consul: { ...http, transport },
        nodeWaits: waits - sharedWaits,
      });
    }
    case 'agent': {
      if (connect === undefined) throw new RegistrarError('internal', 'there is no way to the agents');
      const { scheme, port, ttl, comparisonInterval } = registration.agent;
      return new AgentRegistry({
        ...common,
        ...view,
        agents: { api: http, connect, scheme, port },
        ttlMs: ttl,
        agentComparisonMs: comparisonInterval,
      });
    }
  }
}

export function clusterStoresOf(
  { config, kube, clock, random, logger }: Surroundings,
  listeners: Pick<ClusterStoresOptions, 'onDirty' | 'onRegression'>,
): ClusterStores {
  const { namespaces, podLabelSelector } = config.kubernetes;
  const labelRules = createLabelRules(config.labels);
  return new ClusterStores({
    transport: kube,
    clock,
    random,
    logger,
    annotationPrefix: `${config.annotationPrefix}/`,
    dialects: dialectsOf(config),
    sync: config.sync,
    sources: config.sync.sources,
    ...(namespaces.length === 0 ? {} : { namespaces }),
    ...(podLabelSelector === undefined ? {} : { podLabelSelector }),
    ...(labelRules === undefined ? {} : { usesLabel: labelRules.uses }),
    ...listeners,
  });
}

/** Whose annotations are read beside ours. */
export function dialectsOf({ compatibility }: Config): readonly Dialect[] {
  const { consulK8s, kubeConsulRegister, kubeConsulRegistrator, registrator } = compatibility;
  return [
    ...(consulK8s.enabled ? [consulK8sDialect(consulK8s)] : []),
    ...(kubeConsulRegister.enabled ? [kubeConsulRegisterDialect(kubeConsulRegister)] : []),
    ...(kubeConsulRegistrator.enabled ? [kubeConsulRegistratorDialect] : []),
    ...(registrator.enabled ? [registratorDialect] : []),
  ];
}

/** How the desired state of the cluster is computed. */
export function desiredOptionsOf(config: Config, owner: ClusterUid): DesiredOptions {
  const { cluster, kubernetes, registration } = config;
  const { mode, externalProbe, deregisterCriticalAfter, agent } = registration;
  const withAgents = mode === 'agent';
  return {
    clusterName: cluster.name,
    clusterUid: owner,
    namespaced: kubernetes.namespaces.length > 0,
    ...tenantRulesOf(config),
    ...(withAgents ? { agents: { ttlMs: agent.ttl } } : {}),
    ...(withAgents || externalProbe
      ? { probes: { deregisterCriticalAfterMs: deregisterCriticalAfter } }
      : {}),
  };
}

/** What depends on the configuration in what an object may ask for, and in what comes of it. */
export function tenantRulesOf({
  claims,
  reservedNames,
  tagRules,
  metaRules,
  registration,
  naming,
  baseTags,
  labels,
  compatibility: { consulK8s },
}: Config): DeclarationRules {
  const rules = { tagRules: createPatternRules(tagRules), metaRules: createPatternRules(metaRules) };
  const base = createBaseTags(baseTags);
  const labelRules = createLabelRules({ ...labels, ...rules });
  return {
    claims: createClaims(claims, reservedNames),
    ...rules,
    probeHosts: createHostList(registration.probeHosts),
    literalAddresses: createHostList(registration.literalAddresses),
    ...(isAsItIs(naming) ? {} : { naming }),
    ...(base === undefined ? {} : { baseTags: base }),
    ...(labelRules === undefined ? {} : { labelRules }),
    ...(consulK8s.enabled ? { consulK8s } : {}),
  };
}

/** The stores that have not been read yet, each with the reason, as text. */
export const pendingParts = (stores: ClusterStores): string[] =>
  stores.reflectors.pending.map((status) => sourceText(status, 'not listed yet'));

/** The stores that may not be read, each with the reason, as text. What is registered from them stays as it is. */
export const refusedParts = (stores: ClusterStores): string[] =>
  stores.reflectors
    .status()
    .filter(({ refused, notInstalled }) => refused && !notInstalled)
    .map((status) => sourceText(status, 'may not be read'));

function sourceText({ resource, namespace, lastError }: ReflectorStatus, what: string): string {
  const where = namespace === '' ? resource : `${resource} in ${namespace}`;
  return `${where}: ${what}${lastError ? ` (${describe(lastError.error)})` : ''}`;
}
