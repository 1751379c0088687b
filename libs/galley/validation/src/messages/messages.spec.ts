import { describe } from 'vitest';
import { kinds, parseMeshConfig, parseMeshNetworks, parseResource, type AnyResource } from '@flotilla/model';
import { goldenPairs } from '@flotilla/testing';
import { validate, type ValidateOptions } from '../validate.ts';

/** An input: what is said of each of these specs of a kind. */
interface Cases {
  readonly kind: string;
  readonly meta?: object;
  readonly options?: ValidateOptions;
  readonly cases: Readonly<Record<string, unknown>>;
}

function resourceOf(kind: string, meta: object, spec: unknown): AnyResource {
  if (kind === 'MeshConfig' || kind === 'MeshNetworks') {
    const parsed = kind === 'MeshConfig' ? parseMeshConfig(spec) : parseMeshNetworks(spec);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    return parsed.value;
  }
  const { group, versions } = kinds.find((known) => known.kind === kind) ?? { group: '', versions: [''] };
  const parsed = parseResource({
    apiVersion: `${group}/${versions[0]}`,
    kind,
    metadata: { name: 'own', namespace: 'shop', ...meta },
    spec,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value.resource;
}

describe('golden pairs: what is said of each kind', () => {
  goldenPairs(import.meta.dirname, (documents) =>
    (documents as readonly Cases[]).map(({ kind, meta = {}, options = {}, cases }) =>
      Object.fromEntries(
        Object.entries(cases).map(([name, spec]) => [
          name,
          validate(resourceOf(kind, meta, spec), options).map(
            ({ level, path, message }) => `${level} ${path}: ${message}`,
          ),
        ]),
      ),
    ),
  );
});
