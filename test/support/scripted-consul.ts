import { RegistrarError } from '../../src/lib/errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../src/lib/transport.ts';

export interface ScriptedAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is, anything else as JSON. */
  readonly body?: unknown;
}

/** A request under way, to be answered by the test. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly answer: (answer: ScriptedAnswer) => void;
  readonly fail: (error: Error) => void;
}

/**
 * A server whose every answer the test gives: by `reply` at once, or, where that returns undefined, through
 * `open`, which holds the requests not answered yet in the order they came.
 */
export class ScriptedConsul implements Transport {
  readonly requests: HttpRequest[] = [];
  readonly open: Exchange[] = [];
  reply: (request: HttpRequest) => ScriptedAnswer | Error | undefined;

  constructor(reply: (request: HttpRequest) => ScriptedAnswer | Error | undefined = () => undefined) {
    this.reply = reply;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    const answer = this.reply(request);
    if (answer instanceof Error) throw answer;
    if (answer !== undefined) return response(answer);
    return new Promise((resolve, reject) => {
      const settled = (settle: () => void): void => {
        this.open.splice(this.open.indexOf(exchange), 1);
        settle();
      };
      const exchange: Exchange = {
        request,
        answer: (given) => settled(() => resolve(response(given))),
        fail: (error) => settled(() => reject(error)),
      };
      this.open.push(exchange);
      request.signal.addEventListener('abort', () => exchange.fail(new RegistrarError('aborted', 'aborted')));
    });
  }

  async close(): Promise<void> {}
}

function response({ status = 200, headers = {}, body = '' }: ScriptedAnswer): HttpResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers, body: chunks(text) };
}

async function* chunks(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}
