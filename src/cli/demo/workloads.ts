import type { DraftObject } from '../../sandbox/kube/object.ts';

/** What the scenario runs in its cluster, and under which names it is found in Consul. */
export interface Workload {
  /** Name of the Deployment and of the label `app`. */
  readonly app: string;
  /** The Consul service. */
  readonly service: string;
  /** What carries the annotations: the pods themselves, or the Service in front of them. */
  readonly via: 'pods' | 'service';
  readonly replicas: number;
}

export interface Workloads {
  readonly web: Workload;
  readonly search: Workload;
}

export const namespace = 'shop';

/** `prefix`: put before the services' names, for a Consul that others use too. */
export const workloads = (prefix = ''): Workloads => ({
  web: { app: 'web', service: `${prefix}web`, via: 'pods', replicas: 4 },
  search: { app: 'search', service: `${prefix}search`, via: 'service', replicas: 2 },
});

/** How much runs beside the scenario. */
export interface LoadSize {
  readonly services: number;
  /** Spread over the services. */
  readonly pods: number;
}

/** More workloads, for numbers like those of a real cluster; the scenario leaves them alone. */
export function loadOf(prefix: string, { services, pods }: LoadSize): readonly Workload[] {
  return Array.from({ length: services }, (_, index): Workload => {
    const app = `load-${index + 1}`;
    const replicas = Math.floor(pods / services) + (index < pods % services ? 1 : 0);
    return { app, service: `${prefix}${app}`, via: 'pods', replicas };
  });
}

interface Draft extends DraftObject {
  readonly kind: string;
  readonly metadata: NonNullable<DraftObject['metadata']> & { readonly name: string };
}

/** The Deployment; with `via: 'pods'` its pods ask for their registration themselves. */
export function deploymentOf({ app, service, via, replicas }: Workload, version: string): Draft {
  const annotations = {
    'kube-registrar.io/service': service,
    'kube-registrar.io/port': 'http',
    'kube-registrar.io/tags': '{pod.label.version}',
  };
  return {
    kind: 'Deployment',
    metadata: { name: app, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } },
      template: {
        metadata: { labels: { app, version }, ...(via === 'pods' ? { annotations } : {}) },
        spec: {
          containers: [
            {
              name: app,
              image: `registry.example/${app}:${version}`,
              ports: [{ name: 'http', containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/healthz', port: 'http' } },
            },
          ],
        },
      },
    },
  };
}

/** The Service in front of a workload; its annotation registers every one of its endpoints. */
export const serviceOf = ({ app, service }: Workload): Draft => ({
  kind: 'Service',
  metadata: {
    name: app,
    namespace,
    annotations: { 'kube-registrar.io/service': service, 'kube-registrar.io/port': 'http' },
  },
  spec: { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
});
