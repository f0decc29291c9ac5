import type { Clock } from '../../lib/clock.ts';
import { pauseBy } from '../../lib/pause.ts';
import { Paced } from '../paced.ts';
import type { StatusSource } from '../reading.ts';
import { type Page, type PagePath, pageOf, pagePaths } from './document.ts';
import { queryOf } from './query.ts';

/** The pages as requests ask for them. Whoever asks for the same one at about the same time gets the same. */
export class Pages {
  readonly #source: Pick<StatusSource, 'reading'>;
  readonly #clock: Clock;
  readonly #made: Paced<Page>;

  constructor(source: Pick<StatusSource, 'reading'>, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#made = new Paced(clock);
  }

  /** Equal for targets of the same page; undefined when there is no such page. */
  keyOf(target: string): string | undefined {
    const path = pathOf(target);
    return path === undefined ? undefined : `${path}\n${JSON.stringify(queryOf(target))}`;
  }

  /** `target`: one that has a key. Rejects with `throttled` when too much is asked for. */
  async get(target: string): Promise<Page> {
    const path = pathOf(target)!;
    const make = async () => {
      const pause = pauseBy(this.#clock);
      return pageOf(path, queryOf(target), await this.#source.reading(pause), pause);
    };
    return this.#made.get(this.keyOf(target)!, make);
  }
}

function pathOf(target: string): PagePath | undefined {
  const path = target.split('?', 1)[0]!;
  return pagePaths.find((each) => each === path);
}
