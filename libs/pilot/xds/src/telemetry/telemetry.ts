import type { ExtensionProvider, Resource, Telemetry } from '@flotilla/model';
import { compareAge, hasSelector, selectorOf } from '@flotilla/rules';
import { isSelected, rootNamespace, setting, worldQuery, type View } from '@flotilla/pilot-world';

/** The side of a request that a listener is on: a gateway is on the client's. */
export type Side = 'CLIENT' | 'SERVER';
export const onSide = (match: { readonly mode?: string } | undefined, side: Side): boolean => {
  const mode = match?.mode ?? 'CLIENT_AND_SERVER';
  return mode === 'CLIENT_AND_SERVER' || mode === side;
};

const telemetriesOf = worldQuery('telemetries-of', (view, namespace): readonly Resource<'telemetries'>[] =>
  view
    .index('telemetries', 'namespace', namespace)
    .flatMap((key) => view.get('telemetries', key) ?? [])
    .sort((a, b) => compareAge(a.meta, b.meta)),
);

/**
 * What Telemetry resources say for the proxy: the mesh's, its namespace's, then the oldest that selects it; of each at
 * most one (Istio's applicableTelemetries).
 */
export const applicableTelemetries = worldQuery('applicable-telemetries', (view): readonly Telemetry[] => {
  const [root, namespace] = [rootNamespace(view), view.attr('namespace')];
  const whole = (of: string): Telemetry[] =>
    view
      .query(telemetriesOf, of)
      .filter((telemetry) => !hasSelector(telemetry))
      .slice(0, 1)
      .map(({ spec }) => spec);
  const selecting = view
    .query(telemetriesOf, namespace)
    .find((telemetry) => hasSelector(telemetry) && isSelected(view, selectorOf(telemetry)));
  return [...whole(root), ...(namespace === root ? [] : whole(namespace)), ...(selecting ? [selecting.spec] : [])];
});

/** A provider of the mesh by name, case aside. */
export const providerNamed = (view: View, name: string): ExtensionProvider | undefined =>
  setting(view, 'extensionProviders')?.find((provider) => provider.name?.toLowerCase() === name.toLowerCase());
