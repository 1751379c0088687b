import { defineKey, defineQuery, type KeyOf } from '@flotilla/query';
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

const subsetKey = defineKey<{ readonly host: string; readonly subset: string }>()('host', 'subset');
/** Whether a DestinationRule of a host has a subset. */
const isKnownSubset = defineQuery('known-subset', (view: View, { host, subset }: KeyOf<typeof subsetKey>): boolean =>
  filed(view, 'destination-rules', ['host', host]).some(({ spec }) =>
    (spec.subsets ?? []).some(({ name = '' }) => name === subset),
  ),
);
export const hasSubset = (view: View, host: string, subset: string): boolean =>
  view.query(isKnownSubset, subsetKey({ host, subset }));

/** Whether a VirtualService, by `namespace/name`, can be delegated to: it has no hosts of its own. */
export const isDelegate = defineQuery('delegate', (view: View, key: string): boolean =>
  filed(view, 'virtual-services', ['key', key]).some(({ spec }) => !spec.hosts?.length),
);
