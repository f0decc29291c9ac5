import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Viewer } from './live-pages.ts';

/** Whether a request comes from a script that wants to be kept up to date. */
export const asksForEvents = ({ headers }: IncomingMessage): boolean =>
  headers.accept?.includes('text/event-stream') === true;

/** A viewer over HTTP. Whoever does not read what is sent is cut off by the server's limit for silence. */
export function viewerOf(response: ServerResponse): Viewer & { sendAway(): void } {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  // A browser that lost the connection comes back after this time, in milliseconds.
  response.write('retry: 5000\n\n');
  return {
    send: (text) => void response.write(text),
    get isFull() {
      return response.writableNeedDrain;
    },
    end: () => void response.end(),
    /** Without coming back: it would only push out another. */
    sendAway: () => void response.end('event: full\ndata: \n\n'),
  };
}
