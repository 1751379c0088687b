import { expect, table } from '../../attack.ts';
import { untilProblem } from './problems.ts';

const virtualService = (timeout: string): string => JSON.stringify({
  apiVersion: 'networking.istio.io/v1beta1', kind: 'VirtualService', metadata: { name: 'attack', namespace: 'shop' },
  spec: { hosts: ['attack.test'], http: [{ timeout, route: [{ destination: { host: 'catalog.test' } }] }] },
});

export const durations = table({ service: 'galley', kind: 'texts' }, [
  {
    // ddf8edd: exponential, the process never answered again.
    name: 'a timeout that backtracks', form: 'quick', describe: 'a VirtualService with timeout 11h11h...x: a problem that names the file',
    run: async (mesh) => {
      mesh.write('duration.json', virtualService(`${'11h'.repeat(40)}x`));
      const problem = await untilProblem(mesh, 'duration.json');
      expect('a problem about the timeout', problem, /timeout/.test(JSON.stringify(problem)));
    },
  },
]);
