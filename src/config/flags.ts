/**
 * The flags that set a key of the configuration. This file imports nothing, so that `--help` need not wait
 * for the schema.
 */
export interface ConfigFlag {
  readonly flag: `--${string}`;
  readonly key: string;
  /** What stands for the value in the help. */
  readonly value: string;
  readonly description: string;
  /** What it can be, for the completion of shells. */
  readonly choices?: readonly string[];
  /** May be given several times; the values make a list. */
  readonly list?: boolean;
  /** Its name in earlier versions, which commands without a flag of that name still take. */
  readonly formerly?: `--${string}`;
}

export const configFlags: readonly ConfigFlag[] = [
  {
    flag: '--cluster-name',
    key: 'cluster.name',
    value: 'NAME',
    description: 'name of this cluster in Consul',
  },
  { flag: '--kubeconfig', key: 'kubernetes.kubeconfig', value: 'FILE', description: 'kubeconfig to use' },
  { flag: '--context', key: 'kubernetes.context', value: 'NAME', description: 'context of the kubeconfig' },
  {
    flag: '--watch-namespace',
    formerly: '--namespace',
    key: 'kubernetes.namespaces',
    value: 'NAME',
    description: 'namespace to watch (repeatable)',
    list: true,
  },
  {
    flag: '--consul-address',
    key: 'consul.addresses',
    value: 'URL',
    description: 'address of Consul (repeatable)',
    list: true,
  },
  {
    flag: '--consul-token-file',
    key: 'consul.tokenFile',
    value: 'FILE',
    description: 'file with the ACL token',
  },
  {
    flag: '--consul-ca-file',
    key: 'consul.caFile',
    value: 'FILE',
    description: 'PEM file with the certificate authorities to trust',
  },
  {
    flag: '--policy',
    key: 'sync.policy',
    value: 'POLICY',
    description: 'which changes may be written',
    choices: ['sync', 'upsert-only', 'dry-run'],
  },
  {
    flag: '--listen',
    key: 'server.listen',
    value: 'ADDRESS',
    description: 'address for health, metrics and the status page',
  },
  {
    flag: '--log-level',
    key: 'log.level',
    value: 'LEVEL',
    description: 'minimum level to log',
    choices: ['debug', 'info', 'warn', 'error'],
  },
  {
    flag: '--log-format',
    key: 'log.format',
    value: 'FORMAT',
    description: 'format of log lines',
    choices: ['json', 'text'],
  },
];
