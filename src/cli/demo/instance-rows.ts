import type { CheckStatus } from '../../model/check.ts';
import type { Glyphs } from './glyphs.ts';
import type { InstanceView, ServiceView } from './service-view.ts';
import { type Line, type Span, span, type Tone } from './span.ts';
import { heading, table } from './table.ts';

const tones: Readonly<Record<CheckStatus, Tone>> = { passing: 'good', warning: 'warn', critical: 'bad' };

/** What a consumer sees: a row for every instance, its status as a sign and in a word, and why. */
export function instanceLines(
  services: readonly { readonly service: string; readonly view: ServiceView }[],
  { status: signs }: Glyphs,
): readonly Line[] {
  const rows = services.flatMap(({ service, view }) =>
    view.length === 0
      ? [[span(service), span('no instance', 'dim')]]
      : view.map((instance, index) => row(index === 0 ? service : '', instance, signs)),
  );
  return table([heading('SERVICE', 'POD', 'NODE', 'ADDRESS', 'TAG', 'STATUS'), ...rows]);
}

function row(
  service: string,
  { pod, node, address, tags, status, reason }: InstanceView,
  signs: Glyphs['status'],
): readonly Span[] {
  const why = reason === '' ? '' : ` ${reason}`;
  return [
    span(service, 'strong'),
    span(pod),
    span(node),
    span(address),
    span(tags.join(',') || '-'),
    span(`${signs[status]} ${status}${why}`, tones[status]),
  ];
}
