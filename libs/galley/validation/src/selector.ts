import { isDnsLabel } from './names.ts';
import { eachOf, quoted, type Report } from './report.ts';

type Labels = Readonly<Record<string, string>>;
export const noLabels = 'workload selector specified without labels';

/** What is wrong with the labels of a selector: keys must be there, and `*` has no meaning. */
export function selectorMistakes(labels: Labels | undefined): string[] {
  return eachOf(labels).flatMap(([key, value]) => [
    ...(key === '' ? [`empty key is not supported in selector: ${quoted(`${key}=${value}`)}`] : []),
    ...(key.includes('*') || value.includes('*')
      ? [`wildcard is not supported in selector: ${quoted(`${key}=${value}`)}`]
      : []),
  ]);
}

/** istio.type.v1beta1.WorkloadSelector */
export function checkSelector(
  selector: { readonly matchLabels?: Labels } | undefined,
  report: Report,
  path = 'spec.selector',
): void {
  if (!selector) return;
  for (const mistake of selectorMistakes(selector.matchLabels)) report.error(`${path}.matchLabels`, mistake);
  if (Object.keys(selector.matchLabels ?? {}).length === 0) report.warn(path, noLabels);
}

export interface ExportRules {
  readonly namespace: string;
  readonly isServiceEntry?: boolean;
  readonly hasSelector?: boolean;
}

/** Namespaces that see a resource: `.`, `*`, names, and for a ServiceEntry `~`; each once, `*` and `~` alone. */
export function checkExportTo(exportTo: readonly string[] | undefined, rules: ExportRules, report: Report): void {
  if (!exportTo?.length) return;
  const { namespace } = rules;
  const seen = new Set<string>();
  const path = 'spec.exportTo';
  for (const [i, entry] of exportTo.entries()) {
    const key = entry === '.' ? namespace : entry;
    if (seen.has(key))
      report.error(
        `${path}[${i}]`,
        key === entry
          ? `duplicate entries in exportTo for entry ${entry}`
          : `duplicate entries in exportTo: . and current namespace ${namespace}`,
      );
    else {
      const mistake = rules.isServiceEntry && entry === '~' ? undefined : visibilityMistake(key);
      if (mistake === undefined) seen.add(key);
      report.error(`${path}[${i}]`, mistake);
    }
  }
  if (rules.hasSelector && seen.size > 0) {
    if (!seen.has(namespace))
      report.error(path, 'destination rule with workload selector cannot have exportTo beyond current namespace');
    else if (seen.size > 1)
      report.error(path, 'destination rule with workload selector cannot have multiple entries in exportTo');
  }
  if (exportTo.length > 1 && seen.has('*'))
    report.error(path, 'cannot have both public (*) and non-public exportTo values for a resource');
  if (exportTo.length > 1 && seen.has('~')) report.error(path, 'cannot export service entry to no one (~) and someone');
}

function visibilityMistake(entry: string): string | undefined {
  if (entry === '~') return 'exportTo ~ (none) is not allowed for Istio configuration objects';
  return entry === '*' || entry === '.' || isDnsLabel(entry)
    ? undefined
    : 'only .,*, or a valid DNS 1123 label is allowed as exportTo entry';
}
