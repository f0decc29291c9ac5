/** Foreign text for a terminal: control characters, which could move the cursor or forge a line, as "?". */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
