/** The text within `limit` bytes of UTF-8. A text that is cut ends in `…`; no character is split. */
export function cutToBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  const end = '…';
  let bytes = Buffer.byteLength(end);
  let cut = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > limit) break;
    cut += character;
  }
  return cut + end;
}
