import { visible } from '../../lib/visible.ts';
import type { Comparison } from './check.ts';
import type { ComparedInstance, PlacedInstance, TwinCounts } from './compared-instance.ts';

/** A comparison for people: counts first, then each instance that is not alike, and why. */
export function comparisonText({ node, instances, removed, summary }: Comparison): string {
  const lines = [
    ...comparedLines(instances, summary, `on node "${node}"`),
    ...section(
      removed,
      'would be removed by consul-k8s while it runs, because they have its tag but not its id; set compatibility.consulK8s.ids',
      ({ id }) => id,
    ),
    ...(summary.gone === 0 ? [] : [`${summary.gone} belong to no pod or Service of this cluster.`]),
    ...moreLines(summary),
  ];
  return lines.map((line) => `${visible(line)}\n`).join('');
}

/** `where`: which instances they are. */
export const comparedLines = (
  instances: readonly ComparedInstance[],
  { matching, gone }: TwinCounts,
  where: string,
): string[] => [
  `${matching} of ${instances.length - gone} instances ${where} match.`,
  ...section(instances, 'differ:', ({ differences }) =>
    differences.length > 0 ? differences.join('; ') : undefined,
  ),
  ...section(instances, 'would no longer pass:', ({ losesHealth }) => losesHealth),
  ...section(instances, 'would not be registered:', ({ whyMissing }) => whyMissing),
];

export const moreLines = ({ more }: TwinCounts): string[] =>
  more === 0 ? [] : [`${more} more are registered by kube-registrar.`];

/** Those that there is something to say of. */
function section<Any extends PlacedInstance | ComparedInstance>(
  some: readonly Any[],
  heading: string,
  say: (instance: Any) => string | undefined,
): string[] {
  const lines = some.flatMap((each) => {
    const why = say(each);
    return why === undefined ? [] : [`  ${placeText(each)}: ${why}`];
  });
  return lines.length === 0 ? [] : [`${lines.length} ${heading}`, ...lines];
}

export const placeText = ({
  service,
  address,
  port,
}: Pick<PlacedInstance, 'service' | 'address' | 'port'>): string =>
  `${service} at ${address.includes(':') ? `[${address}]` : address}:${port}`;
