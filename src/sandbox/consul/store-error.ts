/** The state machine refused a change; the text is Consul's. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

export const missingNode = 'Missing node registration';
export const missingService = 'Missing service registration';
