import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty directory that the chart mounts: the root file system is read-only. */
const mounted = '/run/kube-registrar';

/**
 * The Unix socket of the operator that listens on this TCP port, for commands in the same container. Only who may
 * `kubectl exec` can open it. A connection from loopback would prove less: a sidecar that forwards requests
 * connects from there, too.
 */
export function localSocket(port: number): string {
  return join(existsSync(mounted) ? mounted : tmpdir(), `kube-registrar-${port}.sock`);
}
