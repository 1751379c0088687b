import { buildProblem, type Problem, type ObjectKey } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import type { Check } from '../check.ts';
import { meshConfig } from '../store.ts';
import type { View } from '../view.ts';

/** Istio compares principals without their scheme, so that one with it never matches (AuthorizationPolicy, Source). */
export const principals: Check = {
  name: 'principals',
  collection: 'authorization-policies',
  query: defineQuery('principals', (view: View, key: ObjectKey): readonly Problem[] =>
    (view.get('authorization-policies', key)?.spec.rules ?? []).flatMap(({ from }, rule) =>
      (from ?? []).flatMap(({ source }, place) =>
        (['principals', 'notPrincipals'] as const).flatMap((field) =>
          (source?.[field] ?? []).flatMap((principal, i) =>
            principal.startsWith('spiffe://')
              ? [
                  buildProblem(
                    'PrincipalWithScheme',
                    { principal },
                    `spec.rules[${rule}].from[${place}].source.${field}[${i}]`,
                  ),
                ]
              : [],
          ),
        ),
      ),
    ),
  ),
};

/** Providers that Telemetry resources name and the mesh's configuration does not have: nothing is sent. */
export const telemetryProviders: Check = {
  name: 'telemetry-providers',
  collection: 'telemetries',
  query: defineQuery('telemetry-providers', (view: View, key: ObjectKey): readonly Problem[] => {
    const spec = view.get('telemetries', key)?.spec ?? {};
    const mesh = meshConfig(view);
    if (!mesh) return [];
    const known = new Set((mesh.extensionProviders ?? []).map(({ name }) => name));
    return (['tracing', 'metrics', 'accessLogging'] as const).flatMap((field) =>
      (spec[field] ?? []).flatMap(({ providers }, i) =>
        (providers ?? []).flatMap(({ name = '' }, n): Problem[] =>
          known.has(name)
            ? []
            : [
                buildProblem(
                  'ReferencedResourceNotFound',
                  { reference: 'extension provider', name },
                  `spec.${field}[${i}].providers[${n}].name`,
                ),
              ],
        ),
      ),
    );
  }),
};
