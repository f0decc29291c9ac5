/** How pods are spread over the cluster that is played. */
export interface PodShape {
  readonly nodes: number;
  readonly services: number;
  /** Every so many pods one is annotated. */
  readonly annotatedEvery: number;
  /** A pod that is not ready is so because the node controller says it, and its containers still are. */
  readonly marked?: boolean;
}

export interface PodState {
  readonly ready: boolean;
  readonly resourceVersion: number;
}

/** Text for settings, alike in each pod. */
const env = JSON.stringify(
  Array.from({ length: 60 }, (_, each) => ({
    name: `SETTING_${each}`,
    value: `a value of the usual length for setting number ${each}`,
  })),
);
const managedFields = JSON.stringify([{ manager: 'kubelet', fieldsV1: { note: 'f:'.repeat(1_000) } }]);

export const serviceOf = (index: number, { services }: PodShape): string => `app-${index % services}`;

export const addressOf = (index: number): string =>
  `10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;

/** A pod as a real server shows it, about 9 KB, as JSON: most of it is what the operator does not keep. */
export function podText(index: number, shape: PodShape, { ready, resourceVersion }: PodState): string {
  const app = serviceOf(index, shape);
  const node = index % shape.nodes;
  const hostIp = `192.168.${node >> 8}.${node & 255}`;
  const isMarked = !ready && shape.marked === true;
  const isWell = ready || isMarked;
  const why = isWell
    ? {}
    : { reason: 'ContainersNotReady', message: 'containers with unready status: [app]' };
  const condition = (type: string, isTrue: boolean) => ({
    type,
    status: isTrue ? 'True' : 'False',
    lastTransitionTime: '2026-01-01T00:00:00Z',
    ...(isTrue ? {} : why),
  });
  const text = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${app}-7d9c5b8f6d-${index.toString(36).padStart(5, '0')}`,
      namespace: `team-${(index % shape.services) % 20}`,
      uid: `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`,
      resourceVersion: String(resourceVersion),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app, version: 'v1', 'pod-template-hash': '7d9c5b8f6d', 'app.kubernetes.io/part-of': 'shop' },
      annotations:
        index % shape.annotatedEvery === 0
          ? {
              'kube-registrar.io/service': app,
              'kube-registrar.io/port': 'http',
              'kube-registrar.io/tags': '{pod.label.version},public',
              'kube-registrar.io/meta.team': `team-${index % 20}`,
            }
          : {},
      managedFields: '@managedFields',
    },
    spec: {
      nodeName: `node-${node}`,
      containers: [
        {
          name: 'app',
          image: `registry.example/${app}:1`,
          env: '@env',
          ports: [{ name: 'http', containerPort: 8080 }],
        },
      ],
    },
    status: {
      phase: 'Running',
      podIP: addressOf(index),
      podIPs: [{ ip: addressOf(index) }],
      hostIP: hostIp,
      hostIPs: [{ ip: hostIp }],
      conditions: [
        condition('Initialized', true),
        condition('Ready', ready),
        condition('ContainersReady', isWell),
        condition('PodScheduled', true),
      ],
    },
  });
  // What is alike is encoded once.
  return text.replace('"@env"', env).replace('"@managedFields"', managedFields);
}
