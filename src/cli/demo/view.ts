import type { Transition } from './service-view.ts';
import type { PlayEvent } from './step.ts';

/** How a play is told while it goes on. Disposing of it leaves the terminal as it was found. */
export interface View extends Disposable {
  event(event: PlayEvent): void;
  transition(transition: Transition): void;
}

/** For those who want the end only. */
export const silentView: View = {
  event() {},
  transition() {},
  [Symbol.dispose]() {},
};
