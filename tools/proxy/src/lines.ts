import { createTwoFilesPatch } from 'diff';
import type { XdsKind } from '@flotilla/pilot-xds';
import type { Change, Held, HeldResource } from './held.ts';

const names: Readonly<Partial<Record<XdsKind, string>>> = {
  cds: 'clusters',
  eds: 'endpoints',
  lds: 'listeners',
  rds: 'routes',
};
/** The most names of one type that are listed before `... and N more`. */
const maxListed = 40;
/** The most edits in a diff; a resource with more is shown without one. */
const maxEdits = 2000;

const json = (resource: HeldResource | undefined): string =>
  resource ? `${JSON.stringify(resource.json, null, 2)}\n` : '';

/** Everything that the proxy has, by type and name. */
export function describeHeld(held: Held, { isAll }: { readonly isAll: boolean }): readonly string[] {
  return (Object.entries(names) as [XdsKind, string][]).flatMap(([kind, title]) => {
    const all = [...held.resourcesOf(kind).keys()].sort();
    const shown = isAll ? all : all.slice(0, maxListed);
    const more = all.length - shown.length;
    return [
      `${title}: ${all.length}`,
      ...shown.map((name) => `    ${name}`),
      ...(more > 0 ? [`    ... and ${more} more, see --all`] : []),
    ];
  });
}

/** `+ routes 80`, `~ clusters outbound|80||web.shop`, `- ...`; with `isDiff` followed by what differs in its JSON. */
export function describeChange(
  { kind, name, before, after }: Change,
  { isDiff }: { readonly isDiff: boolean },
): readonly string[] {
  const sign = before && after ? '~' : after ? '+' : '-';
  const line = `${sign} ${names[kind] ?? kind} ${name}`;
  if (!isDiff || !before || !after) return [line];
  const patch = createTwoFilesPatch('before', 'after', json(before), json(after), '', '', {
    context: 3,
    maxEditLength: maxEdits,
  });
  if (patch === undefined) return [line, '    too many differences to show: see --show'];
  return [
    line,
    ...patch
      .split('\n')
      .slice(3, -1)
      .map((text) => `    ${text}`),
  ];
}

/** The resources whose name contains a text, as JSON. */
export const describeResources = (held: Held, text: string): readonly string[] =>
  (Object.keys(names) as XdsKind[]).flatMap((kind) =>
    [...held.resourcesOf(kind)]
      .filter(([name]) => name.includes(text))
      .flatMap(([name, resource]) => [`${names[kind] ?? kind} ${name}`, json(resource).trimEnd()]),
  );
