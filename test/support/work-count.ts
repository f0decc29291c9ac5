import { Session } from 'node:inspector/promises';
import type { HttpRequest, HttpResponse, Transport } from '../../src/lib/transport.ts';

/** What was done between two looks. Counts, not times: the same on every machine, however busy. */
export interface Work {
  /** Calls of functions of the program, the sandbox and tests left out. */
  readonly calls: number;
  /** The same by `file:function`. */
  readonly callsOf: ReadonlyMap<string, number>;
  readonly requests: number;
  /** Of the bodies of answers, as they were read. */
  readonly bytesRead: number;
}

/** Counts the work of the program in this process, by V8's precise coverage and by what passes its transports. */
export class WorkCount implements AsyncDisposable {
  readonly #session = new Session();
  #requests = 0;
  #bytesRead = 0;

  static async start(): Promise<WorkCount> {
    const count = new WorkCount();
    count.#session.connect();
    await count.#session.post('Profiler.enable');
    await count.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    return count;
  }

  /** The transport, counted. */
  of(transport: Transport): Transport {
    return {
      request: async (request: HttpRequest): Promise<HttpResponse> => {
        this.#requests += 1;
        const response = await transport.request(request);
        return { ...response, body: this.#counted(response.body) };
      },
      close: () => transport.close(),
    };
  }

  /** Since the last call. */
  async take(): Promise<Work> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    const callsOf = new Map<string, number>();
    let calls = 0;
    for (const { url, functions } of result) {
      const [, file] = /\/src\/(?!sandbox\/)(.*)(?<!\.test)\.ts$/.exec(url) ?? [];
      if (file === undefined) continue;
      for (const { functionName, ranges } of functions) {
        const made = ranges[0]?.count ?? 0;
        if (made === 0) continue;
        const key = `${file}:${functionName || 'anonymous'}`;
        callsOf.set(key, (callsOf.get(key) ?? 0) + made);
        calls += made;
      }
    }
    const work = { calls, callsOf, requests: this.#requests, bytesRead: this.#bytesRead };
    this.#requests = 0;
    this.#bytesRead = 0;
    return work;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#bytesRead += chunk.byteLength;
      yield chunk;
    }
  }
}
