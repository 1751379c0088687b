import type { TemplateInput } from './input.ts';
import { hasAnnotation } from './input.ts';

const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimal = ['m', '', 'k', 'M', 'G', 'T', 'P', 'E'];

/** A Kubernetes quantity in its canonical form (`2000m` is `2`, `1024Mi` is `1Gi`). Throws Kubernetes' words for a malformed one. */
export function canonicalQuantity(given: string | number): string {
  const text = String(given);
  const match = /^([+-]?)(\d{1,15})(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/.exec(text);
  if (!match) {
    if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+|m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/.test(text)) return canonicalFraction(text);
    throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }
  const [, sign = '', digits = '0', suffix = ''] = match;
  const [units, step] = suffix.endsWith('i') ? [binary, 1024] : [decimal, 1000];
  let [number, at] = [Number(digits), units.indexOf(suffix)];
  if (number === 0) return '0';
  while (number % step === 0 && at < units.length - 1) [number, at] = [number / step, at + 1];
  return `${sign === '-' ? '-' : ''}${number}${units[at]}`;
}

/** Fractions end up in thousandths, as CPU quantities do; what has no whole thousandths is kept as it was written. */
function canonicalFraction(text: string): string {
  const number = Number(text);
  const thousandths = Math.round(number * 1000);
  return Number.isFinite(number) && Math.abs(number * 1000 - thousandths) < 1e-9 && Math.abs(thousandths) < 1e15 ? canonicalQuantity(`${thousandths}m`) : text;
}

const quantities = (map: Readonly<Record<string, string | number>>): Record<string, string> => Object.fromEntries(Object.entries(map).map(([name, value]) => [name, canonicalQuantity(value)]));

/** Resources of the injected containers: one annotation takes the place of all defaults. */
export function buildResources(input: TemplateInput): Record<string, unknown> {
  const annotations = input.pod.metadata.annotations ?? {};
  const pick = (cpu: string, memory: string): Record<string, string> | undefined => {
    const found = { ...(annotations[cpu] === undefined ? {} : { cpu: annotations[cpu] }), ...(annotations[memory] === undefined ? {} : { memory: annotations[memory] }) };
    return Object.keys(found).length > 0 ? quantities(found) : undefined;
  };
  const names = ['proxyCPU', 'proxyMemory', 'proxyCPULimit', 'proxyMemoryLimit'].map((name) => `sidecar.istio.io/${name}`);
  if (names.some((name) => hasAnnotation(input, name))) {
    const [requests, limits] = [pick(names[0] ?? '', names[1] ?? ''), pick(names[2] ?? '', names[3] ?? '')];
    return { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) };
  }
  const { limits, requests } = input.values.global.proxy.resources;
  return { ...(limits ? { limits: quantities(limits) } : {}), ...(requests ? { requests: quantities(requests) } : {}) };
}
