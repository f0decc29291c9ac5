import type { CheckStatus } from '../../model/check.ts';
import type { Glyphs } from './glyphs.ts';
import type { InstanceView, ServiceView } from './service-view.ts';
import { type Line, type Span, span, type Tone } from './span.ts';
import { heading, table } from './table.ts';

const tones: Readonly<Record<CheckStatus, Tone>> = { passing: 'good', warning: 'warn', critical: 'bad' };

/**
 * What a consumer sees: a row for every instance, its status as a sign and in a word. A narrow terminal cuts the right
 * end, so the status stands on the left and why at the end. `load`: what runs beside them, in one line.
 */
export function instanceLines(
  services: readonly { readonly service: string; readonly view: ServiceView }[],
  load: string,
  { status: signs }: Glyphs,
): readonly Line[] {
  const rows = services.flatMap(({ service, view }) =>
    view.length === 0
      ? [[span(service), span('no instance', 'dim')]]
      : view.map((instance, index) => row(index === 0 ? service : '', instance, signs)),
  );
  const lines = table([heading('SERVICE', 'STATUS', 'POD', 'NODE', 'ADDRESS', 'TAG'), ...rows]);
  return load === '' ? lines : [...lines, [span(load, 'dim')]];
}

function row(
  service: string,
  { pod, node, address, tags, status, reason }: InstanceView,
  signs: Glyphs['status'],
): readonly Span[] {
  return [
    span(service, 'strong'),
    span(`${signs[status]} ${status}`, tones[status]),
    span(pod),
    span(node),
    span(address),
    span(tags.join(',') || '-'),
    ...(reason === '' ? [] : [span(reason, tones[status])]),
  ];
}
