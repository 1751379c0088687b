import { setting, type OptionsOf } from '@flotilla/std';

export const demoProgram = {
  name: 'demo',
  describe:
    'A mesh on this machine: control plane, real Envoys and pods from YAML; traffic, changes, faults, and what became of them.\n\n' +
    'Exit codes: 0 when all went well, 3 when some of the configuration is not in force, 2 for a flag or file that cannot be used, 130 after Ctrl-C, 1 for the rest.',
  settings: {
    monolith: setting.toggle('istiod in one process instead of the fleet'),
    config: setting.list('file or folder of Kubernetes and Istio YAML to run instead of the shop', [], {
      metavar: 'path',
    }),
    keep: setting.toggle('keep the mesh running at the end, until Ctrl-C'),
    port: setting.port("with --keep: the gateway's port on 127.0.0.1", 8080),
    json: setting.toggle('print one JSON object at the end, and all else on standard error'),
  },
};
export type DemoOptions = OptionsOf<typeof demoProgram.settings>;
