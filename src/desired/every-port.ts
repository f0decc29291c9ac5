import { serviceName } from '../model/keys.ts';
import type { BrokenDeclaration, Declaration, WrittenDeclaration } from './declaration.ts';
import { type Declarations, namesOf } from './declarations.ts';
import { fieldOf, servicesField } from './fields.ts';
import { error, type Mistake, quote, type Read } from './mistake.ts';
import type { NamedPort } from './ports.ts';
import { everyPort, isDnsLabel, type PortRef } from './values.ts';

/** Declarations of an object whose ports are known. */
export interface ResolvedDeclarations extends Declarations {
  readonly outcomes: readonly (Declaration | BrokenDeclaration)[];
}

/** How many services `port: "*"` may make of one object: anybody may list hundreds of ports. */
export const mostServices = 64;

/**
 * The declarations with a service for each port in place of those with `port: "*"`.
 *
 * - A port is registered as `<service>-<port name>`, one without a name as `<service>-<number>`, and a port without a
 *   name that is the only one as `<service>`.
 * - All protocols count. A port without a name is one port when it is declared for TCP and for UDP.
 * - Two ports with one name are refused. A port whose name would be too long is refused by itself.
 */
export function withEveryPort(
  declarations: Declarations,
  ports: readonly NamedPort[],
  owner: string,
): ResolvedDeclarations {
  if (isResolved(declarations)) return declarations;
  const { outcomes, mistakes } = declarations;
  const more: Mistake[] = [];
  let made = 0;
  const resolved = outcomes.flatMap((outcome): (Declaration | BrokenDeclaration)[] => {
    if (outcome.kind === 'broken' || isOfOnePort(outcome)) return [outcome];
    const field = fieldOf(outcome, 'port');
    const suffixes = suffixesOf(ports, owner, mostServices - made);
    if ('refused' in suffixes) {
      more.push(error(field, suffixes.refused));
      return [broken(outcome, outcome.service)];
    }
    made += suffixes.value.length;
    return suffixes.value.map(({ suffix, port }) => {
      const service = `${outcome.service}${suffix}`;
      if (isDnsLabel(service)) return { ...outcome, service: serviceName(service), port };
      more.push(error(field, tooLong(service)));
      return broken(outcome, service);
    });
  });
  return { outcomes: resolved, mistakes: [...mistakes, ...more], services: namesOf(resolved) };
}

const isResolved = (declarations: Declarations): declarations is ResolvedDeclarations =>
  declarations.outcomes.every((outcome) => outcome.kind === 'broken' || isOfOnePort(outcome));

const isOfOnePort = (declaration: WrittenDeclaration): declaration is Declaration =>
  declaration.port !== everyPort;

const broken = ({ check, drain, address }: WrittenDeclaration, service: string): BrokenDeclaration => ({
  kind: 'broken',
  service,
  check,
  drain,
  address,
});

/** What each port adds to the name of the service, or why there are no such names. */
function suffixesOf(
  ports: readonly NamedPort[],
  owner: string,
  most: number,
): Read<readonly { readonly suffix: string; readonly port: PortRef }[]> {
  const all = `port ${quote(everyPort)}`;
  const bySuffix = new Map<string, NamedPort>();
  for (const port of ports) {
    const suffix = `-${port.name === '' ? port.port : port.name}`.toLowerCase();
    const other = bySuffix.get(suffix);
    if (other !== undefined && (other.port !== port.port || other.name !== port.name)) {
      const name = quote(suffix.slice(1));
      return {
        refused: `${all} needs a name for each port, but ${owner} has ${name} twice, as ${other.port} and ${port.port}; rename one, or list the ports in ${quote(servicesField)}`,
      };
    }
    bySuffix.set(suffix, port);
  }
  if (bySuffix.size === 0)
    return { refused: `${all} finds no port, because ${owner} declares none; write its number` };
  if (bySuffix.size > most) {
    return { refused: `${all} would create more than ${mostServices} services for ${owner}; choose ports` };
  }
  const isAlone = bySuffix.size === 1;
  return {
    value: [...bySuffix].map(([suffix, { name, port }]) =>
      name === '' ? { suffix: isAlone ? '' : suffix, port: { number: port } } : { suffix, port: { name } },
    ),
  };
}

const tooLong = (service: string): string =>
  `port ${quote(everyPort)} gives the name ${quote(service)}, which is not usable in DNS (letters, digits and hyphens, at most 63); shorten it, or list the ports in ${quote(servicesField)}`;
