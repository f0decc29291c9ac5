const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, micro sign
  μs: 1e-3, // U+03BC, Greek letter mu
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** No sensible duration is longer. */
const longestText = 64;

/**
 * Milliseconds of a duration written as in Go (`time.ParseDuration`): `250ms`, `1.5s`, `1m30s`, `0`.
 * Undefined for anything else, and for negative durations, which no setting allows.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (text.length > longestText) return undefined;
  if (!/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let ms = 0;
  for (const part of text.split(/(?<=[a-zµμ])(?=[\d.])/)) {
    const unit = part.replaceAll(/[\d.]/g, '');
    ms += Number(part.slice(0, -unit.length)) * (unitMs[unit] ?? Number.NaN);
  }
  return Number.isFinite(ms) ? ms : undefined;
}

/** A duration at a glance: `under 1 s`, `25 s`, `3 min`, `5 h`, `2 d`; rounded down. */
export function roundedDuration(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ] as const;
  // Two of a unit and more: 90 s says more than 1 min.
  for (const [size, unit] of units) {
    if (ms >= 2 * size || (unit === 's' && ms >= size)) return `${Math.floor(ms / size)} ${unit}`;
  }
  return 'under 1 s';
}

/** A duration for people and for Go: `90000` → `1m30s`, `250` → `250ms`, `0` → `0s`. Rounded to 1 ms. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole > 0 && whole < 1_000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = (whole % 60_000) / 1_000;
  const parts = [hours > 0 ? `${hours}h` : '', minutes > 0 ? `${minutes}m` : ''].join('');
  return seconds > 0 || parts === '' ? `${parts}${seconds}s` : parts;
}
