import { visible } from '../lib/visible.ts';

/** What keeps a command from doing what was asked, for stderr, as kubectl writes it. */
export const errorLine = (text: string): string => `error: ${visible(text)}\n`;

/** What is worth knowing beside the answer, for stderr. */
export const warningLine = (text: string): string => `warning: ${visible(text)}\n`;
