import { HttpError, JsonClient, type JsonClientOptions } from './http.ts';

/** The parts of a Kubernetes object's metadata that tests read. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
}

export interface KubeList<T extends KubeObject> {
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}

export interface WatchEvent<T extends KubeObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

export type PatchType = 'merge' | 'strategic-merge' | 'json';

/** Requests to the API server, as the bearer of a token. Paths are those of the HTTP API. */
export class KubeApi extends JsonClient {
  constructor(options: JsonClientOptions & { readonly token: string }) {
    super({ ...options, headers: { ...options.headers, authorization: `Bearer ${options.token}` } });
  }

  /** A patch of the given type; the default is what `kubectl patch` sends to built-in kinds. */
  patchAs<T = KubeObject>(path: string, body: unknown, type: PatchType = 'strategic-merge'): Promise<T> {
    return this.patch<T>(path, body, { headers: { 'content-type': `application/${type}-patch+json` } });
  }

  /** The object, or undefined when it does not exist. */
  async find<T extends KubeObject = KubeObject>(path: string): Promise<T | undefined> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Events from `resourceVersion` on, until the server ends the watch or `signal` aborts. */
  async *watch<T extends KubeObject>(
    path: string,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const query = new URLSearchParams({ watch: 'true', resourceVersion, allowWatchBookmarks: 'true' });
    const response = await this.send('GET', `${path}?${query}`, undefined, { signal });
    let rest = '';
    response.body.setEncoding('utf8');
    for await (const chunk of response.body) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as WatchEvent<T>;
    }
  }
}
