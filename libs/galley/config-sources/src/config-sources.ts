import { createFileSource } from '@flotilla/galley-file-source';
import { createKubeSource } from '@flotilla/galley-kube-source';
import type { Source } from '@flotilla/galley-sources';
import { kubeSettings, openKubeClient } from '@flotilla/kube-client';
import type { KubeApi } from '@flotilla/kube-port';
import type { Installation, Reading } from '@flotilla/model';
import { setting, type OptionsOf } from '@flotilla/std';

const sources = ['files', 'kubernetes'] as const;

/** Where galley reads configuration from. */
export const sourceSettings = () => ({
  source: setting.choices(
    'where configuration is read from; if an object is in several sources, the one listed first applies',
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

/** The cluster that is a source; undefined where none is. Rejects when the kubeconfig cannot be read. */
export const openCluster = async (
  options: Pick<SourceOptions, 'source' | 'kubeconfig' | 'kubeContext'>,
): Promise<KubeApi | undefined> => (options.source.includes('kubernetes') ? openKubeClient(options) : undefined);

export interface SourceOptions extends OptionsOf<ReturnType<typeof sourceSettings>> {
  readonly installation: Installation;
  /** What `openCluster` has opened. */
  readonly cluster?: KubeApi | undefined;
  /** Wraps the reading of each file. */
  readonly reading: Reading;
}

/** Opens the sources of `--source`, in the order of their ranks. */
export const openSources = (options: SourceOptions): readonly Source[] =>
  options.source.map((source): Source => {
    switch (source) {
      case 'files':
        return createFileSource(options.configDir, options);
      case 'kubernetes': {
        const { installation, revision, cluster } = options;
        if (!cluster) throw new Error('the cluster that is a source has not been opened');
        return createKubeSource({ api: cluster, installation, revision });
      }
    }
  });
