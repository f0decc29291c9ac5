const grouped = new Intl.NumberFormat('en-US');

/** `1 instance`, `2,001 instances`. */
export const counted = (count: number, noun: string): string =>
  `${grouped.format(count)} ${noun}${count === 1 ? '' : 's'}`;
