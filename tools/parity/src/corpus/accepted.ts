import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { configLimits, readYaml } from '@flotilla/std';

/** A case that differs from Istio on purpose. */
export interface Accepted {
  readonly case: string;
  readonly reason: string;
  /** Number of the decision in docs/adr. */
  readonly adr: number;
}
const root = new URL('../../../../', import.meta.url);

/**
 * Reads tools/parity/accepted.yaml. Throws for an entry without a case, a reason or a decision that exists, and for an
 * unknown area.
 */
export function readAccepted(
  areas: readonly string[],
  text = readFileSync(new URL('tools/parity/accepted.yaml', root), 'utf8'),
): ReadonlyMap<string, readonly Accepted[]> {
  const read = readYaml(text, configLimits);
  if (!read.ok) throw new Error(`accepted.yaml: ${read.error.message}`);
  const byArea = Object.entries((read.value ?? {}) as Record<string, readonly Partial<Accepted>[] | null>);
  return new Map(
    byArea.map(([area, entries]) => {
      if (!areas.includes(area)) throw new Error(`accepted.yaml: ${area} is not an area`);
      return [area, (entries ?? []).map((entry) => checked(area, entry))];
    }),
  );
}

function checked(area: string, { case: name = '', reason = '', adr = 0 }: Partial<Accepted>): Accepted {
  if (name === '' || reason === '') throw new Error(`accepted.yaml: an entry of ${area} lacks its case or its reason`);
  const page = `${String(adr).padStart(4, '0')}-`;
  const folder = new URL('docs/adr/', root);
  if (!existsSync(folder) || !readdirSync(folder).some((file) => file.startsWith(page)))
    throw new Error(`accepted.yaml: ${name} names ADR ${adr}, which is not in docs/adr`);
  return { case: name, reason, adr };
}

/** Whether an entry names a case: by its whole path or the end of it. */
export const accepts = (entry: Accepted, name: string): boolean =>
  name === entry.case || name.endsWith(`/${entry.case}`);
