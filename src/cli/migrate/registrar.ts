import type { KubeClient } from '../../kube/client.ts';
import type { ObservedInstance } from '../../plan/observed.ts';
import type { ConvertedValues } from './helm-values.ts';
import type { Program, Workload } from './workloads.ts';

/** A program that registers with Consul agents, and how it and what it has registered are recognised. */
export interface Registrar extends Program {
  /** What is read for Helm values, of the workload that runs it. */
  readonly values: (workload: Workload, kube: KubeClient, signal: AbortSignal) => Promise<ConvertedValues>;
  /** How its marks are called, after "instances": `with the tag "kubernetes"`. */
  readonly marks: string;
  /** What the instance comes from; undefined: it does not carry the marks. */
  readonly originOf: (instance: ObservedInstance) => TheirOrigin | undefined;
  /** The instance with what `--check` compares. Default: all of it. */
  readonly compared?: (instance: ObservedInstance) => ObservedInstance;
  /** What kube-registrar has to be set to before the last step, for `--check`. Default: nothing. */
  readonly before?: readonly string[];
}

/** What an instance comes from, as far as it says; empty texts: it does not. */
export interface TheirOrigin {
  readonly namespace: string;
  /** Empty: it comes from a Service. */
  readonly pod: string;
  /** Of the pod, or of the Service. */
  readonly uid: string;
  /** Tags that nothing stands for in kube-registrar. Default: none. */
  readonly lostTags?: readonly string[];
}
