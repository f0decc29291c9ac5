import { ConfigError } from '../../config/config-error.ts';
import { resolveConfig } from '../../config/resolve.ts';
import { counted } from '../../lib/counted.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { dialectsOf, tenantRulesOf } from '../../operator/parts.ts';
import type { CliContext } from '../context.ts';
import { readTextFile } from '../read-text-file.ts';
import { type CheckOptions, checkManifest } from './check-manifest.ts';
import { type Finding, type Format, format } from './formats.ts';
import { type InputFile, readInput } from './input.ts';
import { readManifests } from './manifests.ts';

export interface ValidateOptions {
  /** Files and directories; `-` is standard input. */
  readonly files: readonly string[];
  /** Directories with everything below them. */
  readonly recursive: boolean;
  readonly output: Format;
  /** Path of the operator's configuration. Undefined: its defaults. */
  readonly config: string | undefined;
}

/**
 * `kube-registrar validate`: prints every mistake in the annotations of manifests on stdout, those of a file in the
 * order of its lines. Returns the exit code: 1 when there is an error, 0 when there are only warnings or nothing.
 * Rejects when a file cannot be read.
 */
export async function validate(
  { files, recursive, output, config }: ValidateOptions,
  { stdin, stdout, stderr }: CliContext,
): Promise<number> {
  if (files.length === 0) {
    throw new RegistrarError('config', 'validate: specify files or directories, or - for standard input');
  }
  const options = await checkOptions(config);
  const findings: Finding[] = [];
  let objects = 0;
  let failure: unknown;
  try {
    for await (const file of readInput(files, { recursive, stdin })) {
      const found = findingsIn(file, options);
      objects += found.objects;
      for (const finding of found.findings) findings.push(finding);
    }
  } catch (thrown) {
    // What was found before is worth showing.
    failure = thrown;
  }
  stdout.write(format(findings, output));
  if (failure !== undefined) throw failure;
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  stderr.write(
    `${counted(objects, 'object')} with annotations ${options.prefix}…: ${counted(errors, 'mistake')}, ${counted(findings.length - errors, 'warning')}\n`,
  );
  return errors === 0 ? 0 : 1;
}

function findingsIn({ name: file, text }: InputFile, options: CheckOptions) {
  const { manifests, mistakes } = readManifests(text);
  const findings: Finding[] = mistakes.map((mistake) => ({
    file,
    object: undefined,
    severity: 'error',
    field: '',
    ...mistake,
  }));
  let objects = 0;
  for (const manifest of manifests) {
    const { kind, namespace, name } = manifest;
    const found = checkManifest(manifest, options);
    if (found === undefined) continue;
    objects += 1;
    for (const mistake of found) findings.push({ file, object: { kind, namespace, name }, ...mistake });
  }
  findings.sort((one, other) => one.line - other.line || one.column - other.column);
  // What an alias repeats is one mistake.
  const once = new Map(findings.map((finding) => [JSON.stringify(finding), finding]));
  return { findings: [...once.values()], objects };
}

async function checkOptions(config: string | undefined): Promise<CheckOptions> {
  const file = config === undefined ? undefined : { name: config, text: await readTextFile(config) };
  const resolved = resolveConfig({ file, environment: {}, flags: {} });
  if (resolved.config === undefined) throw new ConfigError(resolved.mistakes);
  const { config: found } = resolved;
  return {
    prefix: `${found.annotationPrefix}/`,
    dialects: dialectsOf(found),
    // Which defaults Namespaces may have only the configuration says.
    sync: file === undefined ? { ...found.sync, namespaceAnnotations: ['*'] } : found.sync,
    ...tenantRulesOf(found),
  };
}
