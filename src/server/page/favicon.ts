import type { Tone } from './parts.ts';

/** Colour and shape: a tick, dots, a cross, a bar. */
const shapes: Readonly<Record<Tone, readonly [colour: string, shape: string]>> = {
  good: ['#1a7f46', '<path d="M9 17l5 5 9-11"/>'],
  fair: ['#b26a00', '<path d="M9 16h.1M16 16h.1M23 16h.1"/>'],
  bad: ['#c01c28', '<path d="M11 11l10 10M21 11L11 21"/>'],
  calm: ['#5b6472', '<path d="M10 16h12"/>'],
};

/** The icons of the tab, by path. */
export const favicons: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(shapes).map(([tone, [colour, shape]]) => [
    `/favicon-${tone}.svg`,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${colour}"/><g fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round">${shape}</g></svg>\n`,
  ]),
);
