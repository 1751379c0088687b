import type { Destination } from '@flotilla/model';
import { isDnsLabel, portMistake, wildcardDomainMistake } from './names.ts';
import type { Report } from './report.ts';

/** Where a route or a mirror sends to. */
export function checkDestination(destination: Destination | undefined, path: string, report: Report): void {
  if (!destination) return;
  const host = destination.host ?? '';
  report.error(`${path}.host`, host === '*' ? `invalid destination host ${host}` : wildcardDomainMistake(host));
  if (destination.subset) report.error(`${path}.subset`, subsetNameMistake(destination.subset));
  if (destination.port) report.error(`${path}.port`, portMistake(destination.port.number ?? 0));
}

export function subsetNameMistake(name: string): string | undefined {
  if (name === '') return 'subset name cannot be empty';
  return isDnsLabel(name) ? undefined : `subset name is invalid: ${name}`;
}
