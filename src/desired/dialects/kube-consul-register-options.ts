/** The settings of kube-consul-register that matter here. */
export interface KubeConsulRegisterOptions {
  /** Which objects ask by its annotations (`register_source`). */
  readonly registerSource: 'pod' | 'service' | 'endpoint';
  /** Whether instances have its tags: pod, node, container and the labels. */
  readonly tags: boolean;
  /** The tag of every instance; empty: none. */
  readonly k8sTag: string;
  /** The container that is never registered. */
  readonly consulContainerName: string;
}
