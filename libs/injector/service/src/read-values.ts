import { readFile } from 'node:fs/promises';
import { parseValues, type Values } from '@flotilla/injector-template';
import type { Installation } from '@flotilla/model';
import { configLimits, ok, readYaml } from '@flotilla/std';

/**
 * The installation's values from a YAML or JSON file over Istio's defaults for its domain and system
 * namespace; these alone without one. Throws, naming the file and what is wrong in it.
 */
export async function readValues(
  path: string | undefined,
  installation?: Pick<Installation, 'domain' | 'systemNamespace'>,
): Promise<Values> {
  const read = path === undefined ? ok({}) : readYaml(await readFile(path, 'utf8'), configLimits);
  if (!read.ok) throw new Error(`${path ?? 'values'}: ${read.error.message}`);
  const values = parseValues(read.value, installation);
  if (!values.ok) throw new Error(`${path ?? 'values'}: ${values.error}`);
  return values.value;
}
