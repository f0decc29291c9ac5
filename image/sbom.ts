/**
 * What the image is made of, as CycloneDX: Node, and the packages of which something is in the bundle. `npm sbom`
 * leaves out what a development dependency needs as well, and names much that is not in it.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Equal inputs make an equal list. `inputs` are the files in the bundle, relative to the root of the project. */
export function sbom(root: string, inputs: readonly string[]): Readonly<Record<string, unknown>> {
  const readJson = (name: string): unknown => JSON.parse(readFileSync(path.join(root, name), 'utf8'));
  const { packages } = readJson('package-lock.json') as { packages: Readonly<Record<string, Locked>> };
  const project = readJson('package.json') as Manifest;
  const places = new Set(inputs.flatMap((input) => packagePath(input) ?? []));
  const bundled = [...places].sort().map((place) => {
    const locked = packages[place];
    if (locked === undefined) throw new Error(`${place} is in the bundle and not in package-lock.json`);
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return npmComponent(name, locked);
  });
  const self = npmComponent(project.name, project);
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { ...self, type: 'application' } },
    components: [node(project.devDependencies['node']!), ...bundled],
    dependencies: [{ ref: self['bom-ref'], dependsOn: bundled.map((component) => component['bom-ref']) }],
  };
}

/**
 * `node_modules/a/node_modules/b/lib/x.js` → `node_modules/a/node_modules/b`; undefined for our own files. What
 * stands before is where a link to the packages leads.
 */
function packagePath(input: string): string | undefined {
  return /(?:^|\/)(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)/.exec(input)?.[1];
}

function npmComponent(name: string, { version, license, integrity }: Locked) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const hash = integrity?.startsWith('sha512-') ? integrity.slice('sha512-'.length) : undefined;
  return {
    'bom-ref': purl,
    type: 'library',
    name,
    version,
    ...(license === undefined ? {} : { licenses: [{ license: { id: license } }] }),
    purl,
    ...(hash === undefined
      ? {}
      : { hashes: [{ alg: 'SHA-512', content: Buffer.from(hash, 'base64').toString('hex') }] }),
  };
}

/** The Node of the image is the one the tests run; a test holds both equal. */
function node(version: string) {
  const purl = `pkg:generic/node@${version}`;
  const cpe = `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`;
  return { 'bom-ref': purl, type: 'platform', name: 'node', version, cpe, purl };
}
