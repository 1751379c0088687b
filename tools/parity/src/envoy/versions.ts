import { existsSync } from 'node:fs';
import { Unmet } from '../area.ts';

/**
 * The stock Envoys that are tried, by version, with the environment's name for the binary (tools/setup/binaries.json).
 */
const variables = { '1.36': 'ENVOY_BIN', '1.40': 'ENVOY_1_40_BIN' } as const;
export type EnvoyVersion = keyof typeof variables;
export const envoyVersions = Object.keys(variables) as readonly EnvoyVersion[];

/** The binary of a version. Throws Unmet for another version, and where the binary is missing. */
export function envoyBinary(version = '1.36'): string {
  const known = envoyVersions.find((one) => one === version);
  if (!known) throw new Unmet(`there is no Envoy ${version}; there are: ${envoyVersions.join(', ')}`);
  const binary = process.env[variables[known]] ?? '';
  if (!existsSync(binary)) throw new Unmet(`no Envoy ${known}: name one in ${variables[known]}`);
  return binary;
}
