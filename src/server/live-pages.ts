import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import type { Page } from './page/document.ts';
import type { Pages } from './page/pages.ts';

/** Somebody with a page open that stays up to date. */
export interface Viewer {
  send(text: string): void;
  /** What was sent has not gone out yet: nothing more is sent for now. */
  readonly isFull: boolean;
  end(): void;
}

/** One page that somebody has open. */
interface View {
  readonly target: string;
  /** Each viewer, and the version that it has. */
  readonly viewers: Map<Viewer, number>;
  version: number;
  page: Page | undefined;
  /** Each section as text, and the version since which it is so. */
  sections: ReadonlyMap<string, { readonly text: string; readonly version: number }>;
}

export interface LivePagesOptions {
  readonly pages: Pages;
  readonly clock: Clock;
  /** A page could not be made; its viewers were sent away. */
  readonly onError: (target: string, thrown: unknown) => void;
}

/** Shortest time between two updates, in milliseconds. */
const everyMs = 1_000;

/**
 * Pages that stay up to date, as server-sent events. Each page that is open anywhere is made once for all who have it
 * open, at most once a second, and only sections that have changed are sent. While nobody looks, nothing is done.
 */
export class LivePages implements Disposable {
  readonly #options: LivePagesOptions;
  readonly #views = new Map<string, View>();
  readonly #closed = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: LivePagesOptions) {
    this.#options = options;
  }

  /** Sends the page with all its sections, and then what changes, until the result is disposed of. */
  join(key: string, target: string, viewer: Viewer): Disposable {
    const view = this.#views.get(key) ?? {
      target,
      viewers: new Map(),
      version: 0,
      page: undefined,
      sections: new Map(),
    };
    this.#views.set(key, view);
    view.viewers.set(viewer, 0);
    this.#running ??= this.#run();
    return {
      [Symbol.dispose]: () => {
        view.viewers.delete(viewer);
        if (view.viewers.size === 0 && this.#views.get(key) === view) this.#views.delete(key);
      },
    };
  }

  /** Ends all of them. */
  [Symbol.dispose](): void {
    this.#closed.abort();
    for (const { viewers } of this.#views.values()) for (const viewer of viewers.keys()) viewer.end();
    this.#views.clear();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (this.#views.size > 0 && !this.#closed.signal.aborted) {
      for (const view of [...this.#views.values()]) await this.#update(view);
      await clock.sleep(everyMs, this.#closed.signal).catch(() => {});
    }
    this.#running = undefined;
  }

  async #update(view: View): Promise<void> {
    try {
      this.#take(view, await this.#options.pages.get(view.target));
    } catch (thrown) {
      // It is made the next time.
      if (thrown instanceof RegistrarError && thrown.code === 'throttled') return;
      this.#options.onError(view.target, thrown);
      for (const viewer of view.viewers.keys()) viewer.end();
      return;
    }
    const messages = new Map<number, string>();
    for (const [viewer, version] of view.viewers) {
      if (viewer.isFull || version === view.version) continue;
      const message = messages.get(version) ?? messageOf(view, version);
      messages.set(version, message);
      viewer.send(message);
      view.viewers.set(viewer, view.version);
    }
  }

  #take(view: View, page: Page): void {
    const version = view.version + 1;
    const sections = new Map(
      page.sections.map(({ id, body: { text } }) => {
        const before = view.sections.get(id);
        return [id, before?.text === text ? before : { text, version }];
      }),
    );
    const isSame =
      view.page?.title === page.title &&
      view.sections.size === sections.size &&
      [...sections.values()].every((section) => section.version < version);
    if (isSame) return;
    view.version = version;
    view.page = page;
    view.sections = sections;
  }
}

/** An event with what has changed since a version of the page. */
function messageOf({ page, sections }: View, since: number): string {
  const { title, tone, kind } = page!;
  const changed = [...sections].flatMap(([id, { text, version }]) => (version > since ? [[id, text]] : []));
  const data = { title, tone, kind, ids: [...sections.keys()], changed: Object.fromEntries(changed) };
  return `data: ${JSON.stringify(data)}\n\n`;
}
