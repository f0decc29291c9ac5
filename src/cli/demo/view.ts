import type { Transition } from './service-view.ts';
import type { PlayEvent } from './step.ts';

/** Shows a play while it goes on. Disposing of it restores the terminal. */
export interface View extends Disposable {
  event(event: PlayEvent): void;
  transition(transition: Transition): void;
}

/** Shows nothing until the end. */
export const silentView: View = {
  event() {},
  transition() {},
  [Symbol.dispose]() {},
};
