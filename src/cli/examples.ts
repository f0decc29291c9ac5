/** For the help of each command: what people do with it, without the name of the program. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  run: ['run --config config.yaml', 'run --context kind-a --cluster-name kind-a --policy dry-run'],
  plan: ['plan --config config.yaml', 'plan -o json | jq .summary', 'plan --cluster-name NEW --rename'],
  explain: [
    'explain pod/web-0 -n shop',
    'explain deploy/web -n shop --context prod',
    'explain svc/search -o yaml',
    'explain pod/web-0 --server http://127.0.0.1:8080',
  ],
  discover: ['discover web', 'discover web --tag v2 -w', 'discover web -o json | jq -r ".[].address"'],
  purge: ['purge --config config.yaml', "purge --node 'old-*'", 'purge --cluster-uid UID --yes'],
  migrate: [
    'migrate consul-k8s > values.yaml',
    'migrate consul-k8s --check --config config.yaml',
    'migrate consul-k8s --check --config config.yaml -o json | jq .summary',
    'migrate consul-k8s --finish --config config.yaml',
    'migrate kube-consul-register --check --config config.yaml',
    'migrate registrator --arguments "-internal consul://localhost:8500"',
  ],
  release: ['release --all', 'release --service web', 'release prod-worker-1 --pin'],
  validate: ['validate -R -f deploy/', 'validate -o github deploy/*.yaml'],
  version: ['version', 'version -o json'],
  completion: [],
};

/** Where the documents are. */
export const documents = 'https://github.com/kube-registrar/kube-registrar/blob/main/docs';

/** What follows the help of a command: its examples, and where to read more. */
export function moreHelp(program: string, command: string): string {
  const lines = (examples[command] ?? []).map((example) => `  ${program} ${example}`);
  // A pipe from another program cannot be written as one of this one.
  if (command === 'validate') lines.push(`  helm template . | ${program} validate -`);
  if (command === 'completion') {
    lines.push(
      `  source <(${program} completion bash)`,
      `  ${program} completion zsh > "\${fpath[1]}/_kube-registrar"`,
      `  ${program} completion fish > ~/.config/fish/completions/kube-registrar.fish`,
    );
  }
  const shown = lines.length === 0 ? '' : `\nExamples:\n${lines.join('\n')}\n`;
  const anchor = command in examples ? `#${command}` : '';
  return `${shown}\nDocumentation: ${documents}/commands.md${anchor}`;
}
