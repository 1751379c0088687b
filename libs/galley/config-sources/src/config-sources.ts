import { createFileSource } from '@flotilla/galley-file-source';
import { createKubeSource } from '@flotilla/galley-kube-source';
import type { Source } from '@flotilla/galley-sources';
import { kubeSettings, openKubeClient } from '@flotilla/kube-client';
import type { Installation, Reading } from '@flotilla/model';
import { setting, type OptionsOf } from '@flotilla/std';

const sources = ['files', 'kubernetes'] as const;

/** Where galley reads configuration from. */
export const sourceSettings = () => ({
  source: setting.choices(
    'where configuration is read from; of an object in several, the first one given is in force',
    {
      choices: sources,
      value: ['files'],
    },
  ),
  configDir: setting.list('file or folder of YAML, watched (source files)', ['docs/examples/mesh'], {
    metavar: 'path',
  }),
  meshConfig: setting.optionalPath('file with MeshConfig alone, instead of the ConfigMap istio (source files)'),
  meshNetworks: setting.optionalPath('file with MeshNetworks alone (source files)'),
  ...kubeSettings(),
  revision: setting.text(
    'revision of the control plane (istio.io/rev); the mesh is configured by the ConfigMap istio-REVISION, or istio for default',
    'default',
    { env: 'REVISION' },
  ),
});

export interface SourceOptions extends OptionsOf<ReturnType<typeof sourceSettings>> {
  readonly installation: Installation;
  /** Around the reading of each file. */
  readonly reading: Reading;
}

/** The sources that are set, in the order of their ranks. Throws when the kubeconfig cannot be read. */
export const openSources = (options: SourceOptions): Promise<readonly Source[]> =>
  Promise.all(
    options.source.map(async (source): Promise<Source> => {
      switch (source) {
        case 'files':
          return createFileSource(options.configDir, options);
        case 'kubernetes': {
          const { installation, revision } = options;
          return createKubeSource({ api: await openKubeClient(options), installation, revision });
        }
      }
    }),
  );
