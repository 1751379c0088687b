import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { parseValues, type Values } from '@flotilla/injector-template';

/** The installation's values from a YAML or JSON file over Istio's defaults; these alone without one. Throws, naming the file and what is wrong in it. */
export async function readValues(path: string | undefined): Promise<Values> {
  const values = parseValues(path === undefined ? {} : parse(await readFile(path, 'utf8')));
  if (!values.ok) throw new Error(`${path ?? 'values'}: ${values.error}`);
  return values.value;
}
