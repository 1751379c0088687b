import { defineQuery } from '@flotilla/query';
import { isWildcard } from '@flotilla/rules';
import { filed, type View } from '../view.ts';

/** Whether some Service or ServiceEntry has every host that `host` means (Istio's host.Name.SubsetOf). */
export const isKnownHost = defineQuery('known-host', (view: View, host: string): boolean => {
  if (view.index('services', 'host', host).length > 0) return true;
  return coveringHosts(host).some((one) => view.index('service-entries', 'host', one).length > 0);
});

/** The host, and the wildcards that cover it: labels and parts of labels may follow a `*`. */
function coveringHosts(host: string): readonly string[] {
  const rest = isWildcard(host) ? host.slice(1) : host;
  const suffixes = [...rest].flatMap((character, i) =>
    character === '.' || character === '-' ? [`*${rest.slice(i)}`] : [],
  );
  return [...new Set([host, ...suffixes, '*'])];
}

/** The ports of a host, of all Services and ServiceEntries that have exactly it; undefined when none does. */
export const portsOf = defineQuery('ports-of-host', (view: View, host: string): readonly number[] | undefined => {
  const all = [...filed(view, 'services', ['host', host]), ...filed(view, 'service-entries', ['host', host])];
  if (all.length === 0) return undefined;
  const ports = all.flatMap(({ spec }) =>
    (spec.ports ?? []).flatMap((port) => ('port' in port ? port.port : 'number' in port ? (port.number ?? []) : [])),
  );
  return [...new Set(ports)].sort((a, b) => a - b);
});

const subsetsOf = defineQuery('subsets-of-host', (view: View, host: string): ReadonlySet<string> => {
  const rules = filed(view, 'destination-rules', ['host', host]);
  return new Set(rules.flatMap(({ spec }) => (spec.subsets ?? []).map(({ name = '' }) => name)));
});
/** Whether a DestinationRule of a host has a subset. */
export const hasSubset = (view: View, host: string, subset: string): boolean => view.query(subsetsOf, host).has(subset);

/** Whether a VirtualService, by `namespace/name`, can be delegated to: it has no hosts of its own. */
export const isDelegate = defineQuery('delegate', (view: View, key: string): boolean =>
  filed(view, 'virtual-services', ['key', key]).some(({ spec }) => !spec.hosts?.length),
);
