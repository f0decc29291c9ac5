/** What a program draws on a terminal, as lines of coloured text. Knows the few codes that the demo uses. */

export interface Piece {
  readonly text: string;
  readonly styles: readonly Style[];
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export type Screen = readonly (readonly Piece[])[];

const esc = '\u001b';
/** SGR parameters that begin a style, and those that end styles. */
const begin: Readonly<Record<string, Style>> = {
  '1': 'bold',
  '2': 'dim',
  '31': 'red',
  '32': 'green',
  '33': 'yellow',
  '36': 'cyan',
};
const end: Readonly<Record<string, readonly Style[]>> = {
  '22': ['bold', 'dim'],
  '39': ['red', 'green', 'yellow', 'cyan'],
};

/** A whole picture, with its lines apart by line feeds. Codes that move the cursor or clear are left out. */
export function screenOf(text: string): Screen {
  return text.split(/\r?\n/).map(piecesOf);
}

function piecesOf(line: string): Piece[] {
  const pieces: Piece[] = [];
  let styles: readonly Style[] = [];
  const [first = '', ...rest] = line.split(`${esc}[`);
  const add = (text: string) => {
    if (text !== '') pieces.push({ text, styles });
  };
  add(first);
  for (const part of rest) {
    const [, codes = '', kind, text = ''] = /^([?\d;]*)([A-Za-z])(.*)$/.exec(part) ?? [];
    if (kind === 'm') {
      for (const code of codes.split(';')) {
        const over = end[code] ?? [];
        const added = begin[code];
        styles = [
          ...styles.filter((style) => !over.includes(style)),
          ...(added === undefined ? [] : [added]),
        ];
      }
    }
    add(text);
  }
  return pieces;
}
