import type { Piece, Screen, Style } from './terminal-screens.ts';

export interface TerminalPicture {
  /** For those who cannot see it. */
  readonly description: string;
  readonly columns: number;
  /** Shown one after another, the last of them to readers who want no motion. */
  readonly screens: readonly TimedScreen[];
}

export interface TimedScreen {
  readonly screen: Screen;
  readonly seconds: number;
}

/** Of one character, in units of the picture. */
const width = 8.4;
const height = 18;
const margin = 16;

const colours: Readonly<Record<Style, string>> = {
  bold: 'font-weight:bold',
  dim: 'fill:#8b949e',
  red: 'fill:#ff7b72',
  green: 'fill:#56d364',
  yellow: 'fill:#e3b341',
  cyan: 'fill:#56d4dd',
};

/** An animated picture of a terminal without scripts, fonts or anything else from elsewhere. */
export function terminalSvg({ description, columns, screens }: TerminalPicture): string {
  const rows = Math.max(...screens.map(({ screen }) => screen.length));
  const [w, h] = [Math.ceil(columns * width) + 2 * margin, rows * height + 2 * margin];
  const total = round(screens.reduce((sum, { seconds }) => sum + seconds, 0));
  const styles = Object.entries(colours).map(([name, style]) => `.${name}{${style}}`);
  let begins = 0;
  const timing = screens.map(({ seconds }, at) => {
    const delay = `.s${at}{animation:show${seconds * 1_000} ${total}s ${round(begins)}s step-end infinite}`;
    begins += seconds;
    return delay;
  });
  const lengths = [...new Set(screens.map(({ seconds }) => seconds))].map(
    (seconds) =>
      `@keyframes show${seconds * 1_000}{0%{visibility:visible}${round((100 * seconds) / total)}%,100%{visibility:hidden}}`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img" aria-label="${escaped(description)}">
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3;white-space:pre}
${styles.join('\n')}
g{visibility:hidden}
g:last-of-type{visibility:visible}
@media (prefers-reduced-motion:no-preference){
g:last-of-type{visibility:hidden}
${timing.join('\n')}
}
${lengths.join('\n')}
</style>
<rect width="${w}" height="${h}" rx="10" fill="#0d1117"/>
${screens.map(groupOf).join('\n')}
</svg>
`;
}

const groupOf = ({ screen }: TimedScreen, at: number): string =>
  `<g class="s${at}">\n${screen.map(lineOf).filter(Boolean).join('\n')}\n</g>`;

/** Each piece has its own place, so that columns are straight in every font. */
function lineOf(pieces: readonly Piece[], row: number): string {
  let column = 0;
  const spans: string[] = [];
  for (const { text, styles } of pieces) {
    for (const { 0: words, index } of text.matchAll(/\S+(?: \S+)*/g)) {
      const at = column + index;
      const kind = styles.length === 0 ? '' : ` class="${styles.join(' ')}"`;
      spans.push(`<tspan x="${round(margin + at * width)}"${kind}>${escaped(words)}</tspan>`);
    }
    column += text.length;
  }
  if (spans.length === 0) return '';
  return `<text y="${margin + (row + 1) * height - 5}">${spans.join('')}</text>`;
}

const round = (value: number): number => Math.round(value * 100) / 100;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
