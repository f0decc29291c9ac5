const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** An age as kubectl prints it: `47s`, `5m12s`, `3h`, `2d4h`. */
export function ageText(ms: number): string {
  const whole = (unit: number): number => Math.floor(Math.max(0, ms) / unit);
  const two = (unit: number, name: string, part: number, partName: string): string => {
    const rest = whole(part) - whole(unit) * (unit / part);
    return `${whole(unit)}${name}${rest === 0 ? '' : `${rest}${partName}`}`;
  };
  if (ms < 2 * minute) return `${whole(second)}s`;
  if (ms < 10 * minute) return two(minute, 'm', second, 's');
  if (ms < 3 * hour) return `${whole(minute)}m`;
  if (ms < 8 * hour) return two(hour, 'h', minute, 'm');
  if (ms < 2 * day) return `${whole(hour)}h`;
  return ms < 8 * day ? two(day, 'd', hour, 'h') : `${whole(day)}d`;
}
