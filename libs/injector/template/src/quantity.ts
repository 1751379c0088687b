import { parseQuantity } from '@flotilla/std';
import type { TemplateInput } from './input.ts';
import { hasAnnotation } from './input.ts';

/**
 * A Kubernetes quantity in its canonical form (`2000m` is `2`, `1024Mi` is `1Gi`). Throws Kubernetes' words for a
 * malformed one.
 */
function canonicalQuantity(given: string | number): string {
  const quantity = parseQuantity(String(given).trim());
  if (!quantity.ok) throw new Error(`failed applying injection overlay: unmarshal patched pod: ${quantity.error}`);
  return quantity.value.text;
}

const quantities = (map: Readonly<Record<string, string | number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).map(([name, value]) => [name, canonicalQuantity(value)]));

/** Resources of the injected containers: one annotation takes the place of all defaults. */
export function buildResources(input: TemplateInput): Record<string, unknown> {
  const annotations = input.pod.metadata.annotations ?? {};
  const pick = (cpu: string, memory: string): Record<string, string> | undefined => {
    const found = {
      ...(annotations[cpu] === undefined ? {} : { cpu: annotations[cpu] }),
      ...(annotations[memory] === undefined ? {} : { memory: annotations[memory] }),
    };
    return Object.keys(found).length > 0 ? quantities(found) : undefined;
  };
  const names = ['proxyCPU', 'proxyMemory', 'proxyCPULimit', 'proxyMemoryLimit'].map(
    (name) => `sidecar.istio.io/${name}`,
  );
  if (names.some((name) => hasAnnotation(input, name))) {
    const [requests, limits] = [pick(names[0] ?? '', names[1] ?? ''), pick(names[2] ?? '', names[3] ?? '')];
    return { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) };
  }
  const { limits, requests } = input.values.global.proxy.resources;
  return { ...(limits ? { limits: quantities(limits) } : {}), ...(requests ? { requests: quantities(requests) } : {}) };
}
