import { describe } from 'vitest';
import { parseValues, type PodObject } from '@flotilla/injector-template';
import { parseMeshConfig } from '@flotilla/model';
import { goldenPairs } from '@flotilla/testing';
import { inject } from './inject.ts';

/** The first document of an input: the configuration, as far as it is not the default; the second is the pod. */
interface Settings {
  readonly values?: object;
  readonly mesh?: object;
  readonly revision?: string;
  readonly nativeSidecars?: boolean;
  readonly defaultTemplates?: readonly string[];
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
}

describe('golden pairs: what becomes of a pod', () => {
  goldenPairs(import.meta.dirname, ([settings, pod]) => {
    const {
      values: givenValues = {},
      mesh: givenMesh = {},
      revision = 'default',
      nativeSidecars = false,
      ...templates
    } = settings as Settings;
    const [values, mesh] = [parseValues(givenValues), parseMeshConfig(givenMesh)];
    if (!values.ok || !mesh.ok || mesh.value.collection !== 'mesh-config')
      throw new Error(JSON.stringify({ values, mesh }));
    const result = inject(pod as PodObject, {
      namespace: 'shop',
      mesh: mesh.value.spec,
      values: values.value,
      revision,
      nativeSidecars,
      ...templates,
    });
    if (!result.ok) return { error: result.error };
    return 'pod' in result.value ? result.value.pod : result.value;
  });
});
