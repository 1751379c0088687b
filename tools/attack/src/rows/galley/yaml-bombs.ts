import { table, type Attack } from '../../attack.ts';
import { untilProblem } from './problems.ts';

const refused = (name: string, content: () => string, more: Partial<Attack> = {}): Omit<Attack, 'service' | 'kind'> => ({
  name, describe: `a file of ${name}: a problem that names the file`,
  run: async (mesh) => {
    mesh.write('bomb.yaml', content());
    await untilProblem(mesh, 'bomb.yaml');
  },
  ...more,
});

/** Configuration that is small and means much work. */
export const yamlBombs = table({ service: 'galley', kind: 'yaml-bombs' }, [
  // ddf8edd: 26 s and more without health, or the end of the process.
  refused('4,000,000 brackets', () => '['.repeat(4_000_000), { form: 'short' }),
  refused('1,000,000 documents', () => '---\n'.repeat(1_000_000)),
  refused('1,000,000 complex keys', () => '? '.repeat(1_000_000)),
  refused('20,000 anchors and aliases', () => Array.from({ length: 20_000 }, (_, i) => `k${i}: &a${i} [1]\nr${i}: *a${i}`).join('\n')),
]);
