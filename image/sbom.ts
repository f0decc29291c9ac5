/**
 * `npm run sbom`: what the image is made of, as CycloneDX JSON on standard output. What npm puts in at random or
 * from the clock is taken out, so that equal sources have equal lists.
 */
import { execFileSync } from 'node:child_process';

const args = ['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only'];
const text = execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const { serialNumber: _random, ...sbom } = JSON.parse(text) as {
  serialNumber: string;
  metadata: { timestamp?: string; component: { name: string } };
};
delete sbom.metadata.timestamp;
// npm takes it from the directory.
sbom.metadata.component.name = 'kube-registrar';
process.stdout.write(`${JSON.stringify(sbom, undefined, 2)}\n`);
