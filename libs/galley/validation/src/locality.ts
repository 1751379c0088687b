import type { LocalityLoadBalancerSetting } from '@flotilla/model';
import type { Report } from './report.ts';

interface Where {
  readonly path: string;
  readonly hasOutlierDetection: boolean;
}

/** How traffic spreads over localities: shares add up to 100, and no locality is named twice. */
export function checkLocalitySetting(
  setting: LocalityLoadBalancerSetting | undefined,
  { path, hasOutlierDetection }: Where,
  report: Report,
): void {
  const { distribute = [], failover = [], failoverPriority = [] } = setting ?? {};
  if (distribute.length > 0 && failover.length > 0)
    return report.error(path, "can not simultaneously specify 'distribute' and 'failover'");
  for (const [i, { to = {} }] of distribute.entries()) {
    const weights = Object.values(to);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (weights.some((weight) => weight <= 0 || weight > 100))
      return report.error(`${path}.distribute[${i}]`, 'locality weight must be in range [1, 100]');
    if (total !== 100) return report.error(`${path}.distribute[${i}]`, `total locality weight ${total} != 100`);
    report.error(`${path}.distribute[${i}].to`, localitiesMistake(Object.keys(to)));
  }
  report.error(`${path}.distribute`, localitiesMistake(distribute.map(({ from = '' }) => from)));
  if ((failover.length > 0 || failoverPriority.length > 0) && !hasOutlierDetection)
    report.warn(path, 'outlier detection policy must be provided for failover');
  for (const [i, { from = '', to = '' }] of failover.entries()) {
    const failoverPath = `${path}.failover[${i}]`;
    if (from === to) report.error(failoverPath, 'locality lb failover settings must specify different regions');
    if (from.includes('/') || to.includes('/')) report.error(failoverPath, 'locality lb failover only specify region');
    if (from.includes('*') || to.includes('*'))
      report.error(failoverPath, "locality lb failover region should not contain '*' wildcard");
  }
}

/** The first locality that is not valid, or is part of an earlier one. */
function localitiesMistake(localities: readonly string[]): string | undefined {
  const seen = new Localities();
  for (const locality of localities) {
    const stars = locality.split('*').length - 1;
    if (stars > 1 || (stars === 1 && !locality.endsWith('*')))
      return `locality ${locality} wildcard '*' number can not exceed 1 and must be in the end`;
    const first = locality.indexOf('/');
    const second = first < 0 ? -1 : locality.indexOf('/', first + 1);
    const parts =
      first < 0
        ? [locality]
        : second < 0
          ? [locality.slice(0, first), locality.slice(first + 1)]
          : [locality.slice(0, first), locality.slice(first + 1, second), locality.slice(second + 1)];
    if (seen.hasAll) return `locality ${locality} overlap with previous specified ones`;
    if (parts.includes('')) return `locality ${locality} must not contain empty region/zone/subzone info`;
    if (seen.overlap(parts)) return `locality ${locality} overlap with previous specified ones`;
    seen.add(parts);
  }
  return undefined;
}

/** Localities as parts, region first, of which a missing one means any. */
class Localities {
  /** Those, and what is above them, that have any locality below. */
  readonly #above = new Set<string>();
  /** What all localities below belong to. */
  readonly #wildcards = new Set<string>();
  readonly #whole = new Set<string>();

  get hasAll(): boolean {
    return this.#wildcards.has('');
  }

  add(parts: readonly string[]): void {
    for (let i = 0; i < 3; i += 1) {
      const above = parts.slice(0, i).join('/');
      this.#above.add(above);
      if ((parts[i] ?? '*') === '*') return void this.#wildcards.add(above);
    }
    this.#whole.add(parts.join('/'));
  }

  /** Whether a locality is inside one of these, or around it. */
  overlap(parts: readonly string[]): boolean {
    for (let i = 0; i < 3; i += 1) {
      const above = parts.slice(0, i).join('/');
      if (this.#wildcards.has(above)) return true;
      if (parts[i] === undefined) return this.#above.has(above);
    }
    return this.#whole.has(parts.join('/'));
  }
}
