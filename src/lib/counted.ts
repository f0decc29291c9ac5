const grouped = new Intl.NumberFormat('en-US');

/** `1 instance`, `2,001 instances`, `2 entries`. */
export const counted = (count: number, noun: string): string =>
  `${grouped.format(count)} ${count === 1 ? noun : plural(noun)}`;

const plural = (noun: string): string => `${noun.replace(/(?<![aeiou])y$/, 'ie')}s`;
