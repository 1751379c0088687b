import { expect, table } from '../../attack.ts';
import type { Mesh } from '../../mesh/mesh.ts';

/** The answer about a pod, whatever it is: HTTP 200 and an AdmissionReview. */
const answer = async (mesh: Mesh, annotations: Readonly<Record<string, string>>): Promise<void> => {
  const { status, body } = await mesh.inject({ annotations });
  expect('HTTP 200 with a response', `${status} ${body}`, status === 200 && body.includes('"uid":"attack"'));
};
const annotation = (name: string, value: () => string) => (mesh: Mesh): Promise<void> => answer(mesh, { [name]: value() });

/** Annotations are text of whoever may create a pod. */
export const texts = table({ service: 'sidecar-injector', kind: 'texts' }, [
  {
    // ddf8edd: exponential, the process never answered again.
    name: 'a duration that backtracks', form: 'quick', describe: 'proxy.istio.io/config with drainDuration 11h11h...x: answered at once',
    run: annotation('proxy.istio.io/config', () => `drainDuration: "${'11h'.repeat(40)}x"`),
  },
  {
    // ddf8edd: 9 s without health.
    name: 'a quantity of 40,000 digits', form: 'quick', describe: 'sidecar.istio.io/proxyCPU with 40,000 digits: answered at once',
    run: annotation('sidecar.istio.io/proxyCPU', () => '9'.repeat(40_000)),
  },
  {
    // ddf8edd: 24 s when the library looked for duplicate keys.
    name: 'a configuration of 20,000 keys', form: 'short', describe: 'proxy.istio.io/config with 20,000 keys: answered at once',
    run: annotation('proxy.istio.io/config', () => Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n')),
  },
]);
