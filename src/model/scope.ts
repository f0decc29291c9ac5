/**
 * What decides, beside an object's own annotations, what it asks for: its namespace and the configuration. A record
 * without one is decided by its own annotations alone.
 */
export interface Scope {
  /**
   * Why nothing of its namespace is registered; absent when it may be.
   *
   * - `excluded`   the configuration leaves the namespace out by its name
   * - `unselected` the namespace does not have the labels that the configuration asks for
   * - `unknown`    the Namespace was not read: what is registered stays as it is
   */
  readonly outside?: 'excluded' | 'unselected' | 'unknown';
  /** The configuration asks for it; the object itself does not. */
  readonly byDefault?: true;
  /** Annotations of its Namespace. Each holds where the object does not have it itself. */
  readonly defaults?: Readonly<Record<string, string>>;
}

/** Whether annotations say what is asked for, be it nothing (`service: "false"`). */
export const asksItself = (annotations: Readonly<Record<string, string>>): boolean =>
  Object.hasOwn(annotations, 'service') || Object.hasOwn(annotations, 'services');
