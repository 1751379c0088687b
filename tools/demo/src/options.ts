import { setting, type OptionsOf } from '@flotilla/std';

export const demoProgram = {
  name: 'demo',
  describe:
    'A mesh on this machine: control plane, real Envoys and pods from YAML; traffic, changes, faults, and their effects.\n\n' +
    'Commands for a mesh that another terminal keeps, each with --help: ps, exec POD -- COMMAND, logs POD, proxy POD PAGE.\n\n' +
    'Exit codes: 0 when all went well, 3 when some of the configuration does not apply, 2 for a flag or file that cannot be used, 130 after Ctrl-C, 1 for the rest.',
  settings: {
    monolith: setting.toggle('istiod in one process instead of the fleet'),
    config: setting.list('file or folder of Kubernetes and Istio YAML to run instead of the shop', [], {
      metavar: 'path',
    }),
    keep: setting.toggle('keep the mesh running at the end, until Ctrl-C'),
    tour: setting.toggle(
      'the story of the shop, or requests for what your gateways serve; without it, --keep starts at once',
      {
        value: true,
      },
    ),
    port: setting.port("with --keep: the gateway's port 80 on 127.0.0.1", 8080),
    httpsPort: setting.port("with --keep: the gateway's port 443 on 127.0.0.1", 8443),
    json: setting.toggle('print one JSON object at the end, and everything else on standard error'),
  },
};
export type DemoOptions = OptionsOf<typeof demoProgram.settings>;
