import { readFile } from 'node:fs/promises';
import { ConfigError } from '../config/config-error.ts';
import { resolveConfig } from '../config/resolve.ts';
import { RegistrarError } from '../lib/errors.ts';
import { whyUnreadable } from '../lib/read-file.ts';
import { visible } from '../lib/visible.ts';
import { tenantRulesOf } from '../operator/parts.ts';
import { type CheckOptions, checkManifest } from './check-manifest.ts';
import type { CliContext } from './context.ts';
import { readManifests } from './manifests.ts';

/**
 * `kube-registrar validate`: prints every mistake in the annotations of manifests as `file:line:col: kind/name:
 * field: message`, on stdout. Returns the exit code: 1 when there is an error, 0 when there are only warnings or
 * nothing. Rejects when a file cannot be read.
 */
export async function validate(
  files: readonly string[],
  config: string | undefined,
  context: CliContext,
): Promise<number> {
  const options = await checkOptions(config);
  // Names and texts come from manifests: none of them may start a line of its own or control the terminal.
  const print = (line: string) => void context.stdout.write(`${visible(line)}\n`);
  let [objects, errors, warnings] = [0, 0, 0];
  for (const file of files) {
    const name = file === '-' ? '<stdin>' : fileName(file);
    const { manifests, mistakes } = readManifests(await read(file, context));
    for (const { line, column, message } of mistakes) {
      errors += 1;
      print(`${name}:${line}:${column}: ${message}`);
    }
    for (const manifest of manifests) {
      if (!manifest.annotations.some(({ key }) => key.startsWith(options.prefix))) continue;
      objects += 1;
      for (const { line, column, field, message, severity } of checkManifest(manifest, options)) {
        if (severity === 'error') errors += 1;
        else warnings += 1;
        const what = `${severity === 'warning' ? 'warning: ' : ''}${field === '' ? '' : `${field}: `}${message}`;
        print(`${name}:${line}:${column}: ${manifest.kind}/${manifest.name}: ${what}`);
      }
    }
  }
  context.stderr.write(
    `${counted(objects, 'object')} with annotations ${options.prefix}…: ${counted(errors, 'mistake')}, ${counted(warnings, 'warning')}\n`,
  );
  return errors === 0 ? 0 : 1;
}

/** A name that a CI system would read as an instruction (`::error::`) gets its directory in front. */
const fileName = (file: string): string => (/^[\w./]/.test(file) ? file : `./${file}`);

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

async function checkOptions(config: string | undefined): Promise<CheckOptions> {
  const file = config === undefined ? undefined : { name: config, text: await readText(config) };
  const resolved = resolveConfig({ file, environment: {}, flags: {} });
  if (resolved.config === undefined) throw new ConfigError(resolved.mistakes);
  return { prefix: `${resolved.config.annotationPrefix}/`, ...tenantRulesOf(resolved.config) };
}

async function read(file: string, { stdin }: CliContext): Promise<string> {
  if (file !== '-') return readText(file);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin ?? []) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    throw new RegistrarError('config', `${file}: cannot be read: ${whyUnreadable(thrown)}`);
  }
}
