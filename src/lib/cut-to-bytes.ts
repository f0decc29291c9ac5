/** At most `limit` bytes of UTF-8, ending in `…` where something is missing; characters stay whole. */
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
