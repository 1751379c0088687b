import type { Telemetry } from '@flotilla/model';
import { celMistake } from './cel.ts';
import { eachOf, type Report } from './report.ts';
import { checkSelector } from './selector.ts';

type Tracing = NonNullable<Telemetry['tracing']>[number];
type Metrics = NonNullable<Telemetry['metrics']>[number];

/** telemetry.istio.io Telemetry (Istio 1.19, ValidateTelemetry). */
export function checkTelemetry(spec: Telemetry, report: Report): void {
  checkSelector(spec.selector, report);
  for (const [i, metrics] of (spec.metrics ?? []).entries()) checkMetrics(metrics, `spec.metrics[${i}]`, report);
  if ((spec.tracing?.length ?? 0) > 1) report.warn('spec.tracing', 'multiple tracing is not currently supported');
  for (const [i, tracing] of (spec.tracing ?? []).entries()) checkTracing(tracing, `spec.tracing[${i}]`, report);
  for (const [i, { filter, providers }] of (spec.accessLogging ?? []).entries()) {
    const mistake = filter && celMistake(filter.expression ?? '');
    report.error(`spec.accessLogging[${i}].filter.expression`, mistake && `must be a valid CEL expression, ${mistake}`);
    checkProviders(providers, `spec.accessLogging[${i}].providers`, report);
  }
}

function checkProviders(
  providers: readonly { readonly name?: string }[] | undefined,
  path: string,
  report: Report,
): void {
  if (providers?.some(({ name }) => !name)) report.error(path, 'providers.name may not be empty');
}

function checkTracing(tracing: Tracing, path: string, report: Report): void {
  if ((tracing.providers?.length ?? 0) > 1)
    report.warn(`${path}.providers`, 'multiple providers is not currently supported');
  checkProviders(tracing.providers, `${path}.providers`, report);
  const share = tracing.randomSamplingPercentage ?? 0;
  if (share < 0 || share > 100)
    report.error(`${path}.randomSamplingPercentage`, 'randomSamplingPercentage must be in range [0.0, 100.0]');
  for (const [name, { literal, header, environment }] of eachOf(tracing.customTags)) {
    const tagsPath = `${path}.customTags`;
    if (name === '') report.error(tagsPath, 'tag name may not be empty');
    if (literal && !literal.value) report.error(tagsPath, 'literal tag value may not be empty');
    if (header && !header.name) report.error(tagsPath, 'header tag name may not be empty');
    if (environment && !environment.name) report.error(tagsPath, 'environment tag name may not be empty');
  }
}

function checkMetrics({ providers, overrides }: Metrics, path: string, report: Report): void {
  checkProviders(providers, `${path}.providers`, report);
  for (const [i, { tagOverrides, match }] of (overrides ?? []).entries()) {
    const overridePath = `${path}.overrides[${i}]`;
    for (const [name, { operation = 'UPSERT', value }] of eachOf(tagOverrides)) {
      if (name === '') report.warn(`${overridePath}.tagOverrides`, 'tagOverrides.name may not be empty');
      if (operation === 'UPSERT' && !value)
        report.error(`${overridePath}.tagOverrides`, 'tagOverrides.value must be set when operation is UPSERT');
      if (operation === 'REMOVE' && value)
        report.error(`${overridePath}.tagOverrides`, 'tagOverrides.value may only be set when operation is UPSERT');
    }
    if (match?.customMetric === '') report.error(`${overridePath}.match`, 'customMetric may not be empty');
  }
}
