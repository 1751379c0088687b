import type { WasmPlugin } from '@flotilla/model';
import { quoted, type Report } from './report.ts';
import { checkSelector } from './selector.ts';

/** extensions.istio.io WasmPlugin (Istio 1.19, ValidateWasmPlugin). */
export function checkWasmPlugin(spec: WasmPlugin, report: Report): void {
  checkSelector(spec.selector, report);
  report.error('spec.url', urlMistake(spec.url ?? ''));
  report.error('spec.sha256', digestMistake(spec.sha256 ?? ''));
  if ((spec.imagePullSecret ?? '').length > 253)
    report.error('spec.imagePullSecret', 'imagePullSecret field must be less than 253 characters long');
  if ((spec.pluginName ?? '').length > 256)
    report.error('spec.pluginName', 'pluginName field must be less than 255 characters long');
  report.error('spec.vmConfig.env', environmentMistake(spec.vmConfig?.env ?? []));
  const [first] = (spec.match ?? []).flatMap(({ ports }, i) =>
    (ports ?? []).flatMap(({ number = 0 }, n) =>
      number > 0 && number < 65_536 ? [] : [`spec.Match[${i}].Ports[${n}] is out of range: ${number}`],
    ),
  );
  report.error('spec.match', first);
}

function urlMistake(url: string): string | undefined {
  if (url === '') return 'url field needs to be set';
  const scheme = /^([A-Za-z][-A-Za-z0-9+.]*):/.exec(url)?.[1]?.toLowerCase();
  const host = /^[^/?#]*\/\/([^/?#]*)/.exec(url)?.[1] ?? '';
  const bad = /[ "<>^`{|}\\]/.exec(host)?.[0];
  if (scheme && url.includes('://') && bad)
    return `failed to parse url: parse ${quoted(url)}: invalid character ${quoted(bad)} in host name`;
  // Without a scheme it is an image: the part before a colon is its registry.
  return !scheme || !url.includes('://') || ['file', 'http', 'https', 'oci'].includes(scheme)
    ? undefined
    : `url contains unsupported scheme: ${scheme}`;
}

function digestMistake(digest: string): string | undefined {
  if (digest === '') return undefined;
  if (digest.length !== 64) return 'sha256 field must be 64 characters long';
  return /^[a-f0-9]*$/.test(digest) ? undefined : 'sha256 field must match [a-f0-9]{64} pattern';
}

function environmentMistake(
  env: readonly { readonly name?: string; readonly value?: string; readonly valueFrom?: string }[],
): string | undefined {
  const names = new Set<string>();
  for (const { name = '', value, valueFrom } of env) {
    if (name === '') return 'spec.vmConfig.env invalid';
    if (name.length > 256) return 'env.name field must be less than 255 characters long';
    if (names.has(name)) return 'duplicate env';
    if (valueFrom === 'HOST' && value) return 'value for env var with host source should be empty';
    names.add(name);
  }
  return undefined;
}
