/**
 * Generates the reference documentation from the code: `npm run docs`. The result is checked in, and a test checks that
 * it matches the code.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ConfigFlag, configFlags } from '../src/config/flags.ts';
import { type ConfigKey, configKeys } from '../src/config/keys.ts';
import { configJsonSchema } from '../src/config/schema.ts';
import type { Annotation } from '../src/desired/annotations.ts';
import { annotations, longestText, plainAnnotations } from '../src/desired/annotations.ts';
import { mostServices } from '../src/desired/every-port.ts';
import { placeholders } from '../src/desired/placeholders.ts';
import { duration } from '../src/desired/values.ts';
import { formatDuration } from '../src/lib/duration.ts';
import { logReasons } from '../src/logging/log-reasons.ts';
import { catalogue, metricPrefix } from '../src/metrics/catalogue.ts';
import type { Definition } from '../src/metrics/definition.ts';
import { nodeMetrics } from '../src/metrics/node-metrics.ts';

export const readmeFile = path.resolve(import.meta.dirname, '../README.md');

const head = (title: string): string =>
  `# ${title}\n\n<!-- Made by \`npm run docs\` from the code; changes here are lost. -->\n`;

/** The generated files: path below docs/reference/ and text. */
export function referenceFiles(): Readonly<Record<string, string>> {
  return {
    'annotations.md': annotationReference(),
    'configuration.md': configuration(),
    'configuration.schema.json': `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
    'log-reasons.md': reasons(),
    'metrics.md': metrics(),
  };
}

/** Parts of README.md that are made from the code, by the name in their markers. */
const readmeParts: Readonly<Record<string, () => string>> = {
  annotations: () => annotationTable(false, 'docs/'),
  'probe annotations': () => annotationTable(true, 'docs/'),
  placeholders: () => `${placeholders.map(({ name }) => `\`{${name}}\``).join(', ')}`,
};

/** README.md with its generated parts as they have to be. */
export function withGeneratedParts(readme: string): string {
  return Object.entries(readmeParts).reduce((text, [name, make]) => {
    const [begin, end] = [`<!-- ${name}: made by \`npm run docs\` -->\n`, `\n<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`README.md has no markers for ${name}`);
    return text.slice(0, from + begin.length) + make() + text.slice(to);
  }, readme);
}

const annotationEntries = Object.entries<Annotation>(annotations);

/** Annotations that take effect everywhere, or those that need somebody who probes. */
function annotationTable(needsProber: boolean, base: string): string {
  const rows = annotationEntries
    .filter(([, entry]) => (entry.needsProber === true) === needsProber)
    .map(
      ([name, entry]) => `| \`${name}\` | ${cell(linked(entry.means, base))} | ${initialOf(name, entry)} |`,
    );
  return `| annotation | value | default |\n|---|---|---|\n${rows.join('\n')}`;
}

function initialOf(name: string, { initially }: Annotation): string {
  if (initially !== undefined) return initially;
  const found = plainAnnotations.find((each) => each.name === name);
  if (found?.initial === undefined) return 'none';
  const { form, initial } = found;
  return form === duration ? formatDuration(Number(initial)) : `\`${initial}\``;
}

function annotationReference(): string {
  const checks = annotationEntries.map(([name, { unchecked, lenient }]) => {
    const emptyPlaceholder = lenient === true ? 'becomes empty, with a warning' : 'is a mistake';
    return `| \`${name}\` | ${unchecked ?? 'yes'} | ${name === 'services' ? 'as for the field' : emptyPlaceholder} |`;
  });
  return `${head('Annotations')}
Names start with \`kube-registrar.io/\` (\`annotationPrefix\`). Set annotations on a pod, usually in its template, or on
a Service, where they apply to every endpoint. The entries of \`services\` have the same fields. Only \`service\` or
\`services\` is required. For an example of each annotation, see [manifests/examples](../../manifests/examples).

${annotationTable(false, '../')}

## Checks by Consul

These take effect with [Consul agents on the nodes, or an external monitor](../agent-mode.md):
\`registration.mode: agent\` or \`registration.externalProbe: true\`. Otherwise they have no effect, but mistakes in them
are still reported.

${annotationTable(true, '../')}

## Every port

\`port: "*"\` registers each port of the pod or Service as its own service, \`<service>-<port name>\`. All other fields
apply to each of them. Health URLs and probes without a port use the registered port.

- For a port without a name, the port number is used. If it is the only port, the service is just \`<service>\`.
- The protocol does not matter: TCP, UDP and SCTP are treated alike. A port without a name that is declared for both TCP
  and UDP counts as one port.
- Two ports with the same name are refused. So is \`"*"\` for an object without ports or with more than ${mostServices}
  resulting services. If a name is too long for DNS, only that port is refused.
- Claims and reserved names apply to the resulting names.

## Placeholders

| placeholder | stands for |
|---|---|
${placeholders.map(({ name, means }) => `| \`{${name}}\` | ${cell(means)} |`).join('\n')}

\`{{\` and \`}}\` are literal braces. There are no expressions. An unknown placeholder is a mistake.

## How values are checked

The operator checks every value and reports mistakes in its log and in Events; \`kube-registrar validate\` checks
manifests in the same way. With the chart's \`admissionPolicy\`, the API server refuses most mistakes or warns about
them. It does not resolve placeholders and only checks the form of a value.

| annotation | checked by the API server | a placeholder without a value |
|---|---|---|
${checks.join('\n')}

A value may have at most ${longestText('service')} bytes, \`tags\` ${longestText('tags')}, and \`services\` ${longestText('services')}.
`;
}

function configuration(): string {
  const sections = new Map<string, ConfigKey[]>();
  for (const key of configKeys) {
    const section = key.path.length > 1 ? key.path[0]! : '';
    sections.set(section, [...(sections.get(section) ?? []), key]);
  }
  const parts = [...sections].sort(([a], [b]) => Number(a !== '') - Number(b !== ''));
  return `${head('Configuration')}
The configuration comes from a YAML file (\`run --config FILE\`), environment variables and flags. Variables override the
file, and flags override both. All mistakes are reported at once, each with its location. A key without a value counts as
not set. The file's JSON Schema is [configuration.schema.json](configuration.schema.json).

- Durations are written as in Go: \`250ms\`, \`1.5s\`, \`1m30s\`.
- Lists in variables are comma-separated. An empty variable counts as not set.
- Consul's own variables are used if this program's are not set: \`CONSUL_HTTP_ADDR\`, \`CONSUL_HTTP_TOKEN\`,
  \`CONSUL_HTTP_TOKEN_FILE\`, \`CONSUL_HTTP_SSL\`, \`CONSUL_HTTP_SSL_VERIFY\`, \`CONSUL_CACERT\`, \`CONSUL_CLIENT_CERT\`,
  \`CONSUL_CLIENT_KEY\`, \`CONSUL_TLS_SERVER_NAME\`, \`CONSUL_NAMESPACE\`, \`CONSUL_PARTITION\`.
- Paths are relative to the working directory of the program.

${parts.map(([section, keys]) => configSection(section, keys)).join('\n')}`;
}

function configSection(section: string, keys: readonly ConfigKey[]): string {
  const title = section === '' ? 'Top level' : `\`${section}\``;
  const described = (sectionDescriptions()[section] ?? '').trim();
  const rows = keys.map((key) => {
    const flag = configFlags.find((candidate) => candidate.key === key.name);
    const choices = key.choices.map((choice) => `\`${choice}\``).join(', ');
    const description = [
      key.description,
      key.choices.length > 0 ? `One of ${choices}.` : '',
      key.itemKeys.length > 0
        ? `A list; each with ${key.itemKeys.map((name) => `\`${name}\``).join(', ')}.`
        : '',
    ]
      .join(' ')
      .trim();
    return `| \`${key.path.slice(section === '' ? 0 : 1).join('.')}\` | ${initial(key)} | ${cell(description)} | ${setBy(key, flag)} |`;
  });
  return `## ${title}\n\n${described === '' ? '' : `${described}\n\n`}| key | default | meaning | variable, flag |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function sectionDescriptions(): Readonly<Record<string, string | undefined>> {
  const properties = configJsonSchema().properties ?? {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      name,
      typeof schema === 'object' ? schema.description : undefined,
    ]),
  );
}

function initial({ initial }: ConfigKey): string {
  if (initial === undefined) return '–';
  if (!Array.isArray(initial)) return `\`${initial}\``;
  return initial.length === 0 ? 'empty' : initial.map((item) => `\`${item}\``).join(', ');
}

function setBy({ environment }: ConfigKey, flag: ConfigFlag | undefined): string {
  if (environment === undefined) return 'in the file only';
  return `\`${environment}\`${flag === undefined ? '' : `, \`${flag.flag}\``}`;
}

function metrics(): string {
  const rows = Object.values<Definition>(catalogue).map(
    ({ name, type, labels, help }) =>
      `| \`${metricPrefix}${name}\` | ${type} | ${labelList(labels)} | ${cell(help)} |`,
  );
  return `${head('Metrics')}
The operator serves these metrics, and those of Node (below), at \`/metrics\` in the Prometheus text format. Labels have
few values; service names are limited to 1,000, and the others are counted as \`_other\`. When an object is gone, so are
its series.

| metric | type | labels | meaning |
|---|---|---|---|
${rows.join('\n')}

## Node

| metric | type | meaning |
|---|---|---|
${nodeMetrics.map(([name, type, means]) => `| \`${name}\` | ${type} | ${cell(means)} |`).join('\n')}
`;
}

function reasons(): string {
  const sections = Object.entries(logReasons).map(([title, entries]) => {
    const rows = Object.entries(entries).map(([reason, { levels, means, todo }]) => {
      const action = todo === '' ? '–' : todo;
      return `| \`${reason}\` | ${levels.join(', ')} | ${cell(linked(means))} | ${cell(linked(action))} |`;
    });
    return `## ${title}\n\n| reason | level | what it means | what to do |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `${head('Log reasons')}
Every log line is a JSON object with \`time\`, \`level\`, \`msg\`, a \`reason\` from this page, and fields such as
\`service\`, \`instance\`, \`pod\`, \`node\` and \`durationMs\`. \`msg\` is a sentence that states the cause and may
change; the meaning of a reason does not. A transition is one line, however long it lasts. With \`log.format: text\`, the
reason is the first field.

\`\`\`sh
kubectl -n kube-registrar logs -l app.kubernetes.io/name=kube-registrar --prefix --tail=-1 | grep '"reason":"Drift"'
\`\`\`

${sections.join('\n')}`;
}

/** The names of pages as links to them, and links with their directory. */
const linked = (text: string, base = '../'): string =>
  text.replace(/(\]\()?\b([\w/-]+\.md)/g, (_, link: string | undefined, page: string) =>
    link === undefined ? `[${page}](${base}${page})` : `${link}${base}${page}`,
  );

function labelList(labels: Definition['labels']): string {
  const entries = Object.entries(labels).map(([name, values]) =>
    values === 'open' ? `\`${name}\`` : `\`${name}\`: ${values.join(', ')}`,
  );
  return entries.length === 0 ? '–' : entries.join('; ');
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(referenceFiles())) {
    writeFileSync(path.join(import.meta.dirname, 'reference', name), text);
  }
  writeFileSync(readmeFile, withGeneratedParts(readFileSync(readmeFile, 'utf8')));
}
