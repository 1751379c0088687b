import type { Problem } from '@flotilla/model';
import { configLimits, err, ok, readYaml, type Result } from '@flotilla/std';

type Data = Readonly<Record<string, unknown>>;

/** Keys of the ConfigMap `istio`, and the collections of what they hold. */
export const meshKeys = [
  ['mesh', 'mesh-config'],
  ['meshNetworks', 'mesh-networks'],
] as const;

/**
 * The `data` of the ConfigMap `istio` with the values of its YAML instead of texts; other keys stay as they are. Fails
 * as a whole with the first key that is not valid YAML.
 */
export function readMeshData(data: Data): Result<Data, Problem> {
  const read: Record<string, unknown> = { ...data };
  for (const [key] of meshKeys) {
    const text = data[key];
    if (typeof text !== 'string') continue;
    const value = readYaml(text, configLimits);
    if (!value.ok) {
      const { code, message } = value.error;
      return err({ code, level: 'error', message: `data.${key}: ${message}` });
    }
    read[key] = value.value;
  }
  return ok(read);
}
