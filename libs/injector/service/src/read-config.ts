import { readFile } from 'node:fs/promises';
import { configOf, parseValues, type InjectionConfig } from '@flotilla/injector-template';
import type { Installation } from '@flotilla/model';
import { configLimits, ok, readYaml } from '@flotilla/std';

/**
 * The configuration of injection from a YAML or JSON file of values, with Istio's defaults for the installation's
 * domain and system namespace below them; only the defaults without a file. Throws an error that names the file and the
 * mistake.
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
