import { readFile } from 'node:fs/promises';
import { configOf, parseValues, type InjectionConfig } from '@flotilla/injector-template';
import type { Installation } from '@flotilla/model';
import { configLimits, ok, readYaml } from '@flotilla/std';

/**
 * How pods are injected by the installation's values from a YAML or JSON file, over Istio's defaults for its domain and
 * system namespace; these alone without one. Throws, naming the file and what is wrong in it.
 */
export async function readConfig(
  path: string | undefined,
  installation?: Pick<Installation, 'domain' | 'systemNamespace'>,
): Promise<InjectionConfig> {
  const read = path === undefined ? ok({}) : readYaml(await readFile(path, 'utf8'), configLimits);
  if (!read.ok) throw new Error(`${path ?? 'values'}: ${read.error.message}`);
  const values = parseValues(read.value, installation);
  if (!values.ok) throw new Error(`${path ?? 'values'}: ${values.error}`);
  return configOf(values.value);
}
