/** The longest Retry-After that is obeyed, in milliseconds: as long as the longest backoff. */
export const longestRetryAfterMs = 30_000;

/**
 * How long a server, or a proxy before it, asks to be left alone, in milliseconds: Retry-After in whole seconds (RFC
 * 9110 §10.2.3), at most 30 s. The form with a date is ignored, because this process's clock may be wrong; so is
 * anything else that is not a number of seconds.
 *
 * The cap is here, where the answer is read, so that no caller can forget it. A proxy that answers "an hour" during a
 * fault of a second must not stop all writing for an hour.
 */
export function retryAfterMs(seconds: unknown): number | undefined {
  const given = typeof seconds === 'string' && /^\d{1,12}$/.test(seconds) ? Number(seconds) : seconds;
  if (typeof given !== 'number' || !Number.isFinite(given) || given < 0) return undefined;
  return Math.min(given * 1_000, longestRetryAfterMs);
}
