/**
 * A well-mixed hash of a string as a number in (0, 1): 53 bits of two 32-bit halves, each mixed as in MurmurHash3.
 * It must never change: consistent hashing depends on the same result on every machine.
 */
export function unitHash(text: string): number {
  let high = 0xde_ad_be_ef ^ text.length;
  let low = 0x41_c6_ce_57 ^ text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    high = mixIn(high, unit, 0xcc_9e_2d_51, 0x1b_87_35_93);
    low = mixIn(low, unit, 0x23_9b_96_1b, 0xab_0e_97_89);
  }
  const a = avalanche(high ^ (low >>> 7));
  const b = avalanche(low ^ a);
  // 26 + 27 bits, and half a step up so that neither end is reached.
  return ((a >>> 6) * 2 ** 27 + (b >>> 5) + 0.5) / 2 ** 53;
}

function mixIn(state: number, unit: number, c1: number, c2: number): number {
  const mixed = Math.imul(rotate(Math.imul(unit, c1), 15), c2);
  return (Math.imul(rotate(state ^ mixed, 13), 5) + 0xe6_54_6b_64) | 0;
}

function avalanche(state: number): number {
  const first = Math.imul(state ^ (state >>> 16), 0x85_eb_ca_6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2_b2_ae_35);
  return (second ^ (second >>> 16)) >>> 0;
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
