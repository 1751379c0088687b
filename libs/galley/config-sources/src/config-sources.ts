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
    'where configuration is read from; if an object is in several sources, the one listed first is in force',
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
  /** Wraps the reading of each file. */
  readonly reading: Reading;
}

/** Opens the sources of `--source`, in the order of their ranks. Rejects when the kubeconfig cannot be read. */
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
