import type { Environment } from '../../config/environment.ts';
import type { CheckStatus } from '../../model/check.ts';

export interface Glyphs {
  readonly status: Readonly<Record<CheckStatus, string>>;
  readonly met: string;
  readonly unmet: string;
  readonly arrow: string;
  readonly ellipsis: string;
  readonly rule: string;
}

const unicode: Glyphs = {
  status: { passing: '●', warning: '▲', critical: '✖' },
  met: '✔',
  unmet: '·',
  arrow: '→',
  ellipsis: '…',
  rule: '─',
};

const ascii: Glyphs = {
  status: { passing: '*', warning: '!', critical: 'x' },
  met: '+',
  unmet: '.',
  arrow: '->',
  ellipsis: '...',
  rule: '-',
};

/** The Linux console has no font for the signs; every other terminal of today has. */
export const glyphsFor = (environment: Environment): Glyphs =>
  environment['TERM'] === 'linux' ? ascii : unicode;
