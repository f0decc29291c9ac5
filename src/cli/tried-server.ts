import { describe, RegistrarError } from '../lib/errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../lib/transport.ts';

export interface ServerText {
  /** Which server, where, and where that is set: `Consul at http://127.0.0.1:8500 (the default)`. */
  readonly server: string;
  /** How to name another one. */
  readonly elsewhere: string;
  /** Who asks, and how to change that. */
  readonly credentials: string;
}

type Failure = 'no answer' | 'refused';

/**
 * A transport that remembers how its last request went, so that a person learns which server was asked, from which
 * setting its address came, and what to set.
 */
export class TriedServer implements Transport {
  readonly #inner: Transport;
  readonly #text: ServerText;
  #failure: Failure | undefined;

  constructor(inner: Transport, text: ServerText) {
    this.#inner = inner;
    this.#text = text;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    try {
      const response = await this.#inner.request(request);
      this.#failure = response.status === 401 || response.status === 403 ? 'refused' : undefined;
      return response;
    } catch (thrown) {
      if (RegistrarError.from(thrown).code !== 'aborted') this.#failure = 'no answer';
      throw thrown;
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Undefined when the server has answered and refused nothing. */
  get failure(): string | undefined {
    if (this.#failure === undefined) return undefined;
    const { server, elsewhere, credentials } = this.#text;
    return this.#failure === 'refused' ? `asked ${server}: ${credentials}` : `tried ${server}: ${elsewhere}`;
  }
}

/** Runs `work`; of its error, says also which servers failed. */
export async function sayingWhatWasTried<Result>(
  { tried }: { readonly tried: readonly TriedServer[] },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    const failures = tried.flatMap(({ failure }) => failure ?? []);
    if (failures.length === 0) throw thrown;
    const error = RegistrarError.from(thrown);
    if (error.code === 'aborted' || error.code === 'internal') throw thrown;
    throw new RegistrarError(error.code, [describe(error), ...failures].join('\n'));
  }
}
