/** What the API server was asked, by its audit log. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface AuditedRequest {
  readonly verb: string;
  /** `pods`, `pods/status`, `leases.coordination.k8s.io` */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly code: number;
}

export class AuditLog {
  readonly apiserverArgs: readonly string[];
  readonly #file: string;

  /** In a directory of the caller's. */
  static async create(dir: string): Promise<AuditLog> {
    const policy = join(dir, 'audit-policy.yaml');
    const rules = [{ level: 'Metadata', omitStages: ['RequestReceived'] }];
    await writeFile(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));
    return new AuditLog(policy, join(dir, 'audit.log'));
  }

  private constructor(policy: string, file: string) {
    this.#file = file;
    this.apiserverArgs = [
      `--audit-policy-file=${policy}`,
      `--audit-log-path=${file}`,
      '--audit-log-maxsize=1000',
    ];
  }

  /** Requests of a ServiceAccount for resources, from the start on. */
  async requestsOf(namespace: string, serviceAccount: string): Promise<AuditedRequest[]> {
    const user = `system:serviceaccount:${namespace}:${serviceAccount}`;
    const lines = (await readFile(this.#file, 'utf8')).split('\n');
    return lines.flatMap((line) => {
      // The last line may be half written; only those of the account are worth parsing.
      if (!line.includes(user) || !line.endsWith('}')) return [];
      const { user: who, verb, objectRef, responseStatus } = JSON.parse(line) as AuditEvent;
      if (who.username !== user || objectRef === undefined) return [];
      const { resource, subresource, apiGroup } = objectRef;
      return {
        verb,
        resource: `${resource}${subresource ? `/${subresource}` : ''}${apiGroup ? `.${apiGroup}` : ''}`,
        namespace: objectRef.namespace,
        code: responseStatus?.code ?? 0,
      };
    });
  }
}

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
  };
  readonly responseStatus?: { readonly code: number };
}
