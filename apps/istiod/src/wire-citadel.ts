import { openPlatform } from '@flotilla/citadel-kubernetes';
import { citadelFiles, createCitadel, createFileRootStore, createSecrets } from '@flotilla/citadel-service';
import { watchFiles } from '@flotilla/files';
import type { openCluster } from '@flotilla/galley-config-sources';
import { folder, type Context, type Options } from './settings.ts';

/** Citadel and the Secrets that it reads, from the cluster if there is one. */
export async function wireCitadel(
  options: Options,
  { observability }: Context,
  cluster: Awaited<ReturnType<typeof openCluster>>,
) {
  const kubernetes = await openPlatform({ ...options, cluster });
  const citadel = await createCitadel({
    ...options,
    ...citadelFiles(options, folder),
    service: 'istiod',
    root: kubernetes?.root ?? createFileRootStore(options.rootFile),
    pluggedIn: kubernetes?.pluggedIn,
    review: kubernetes?.review,
    observability,
  });
  const secrets = createSecrets({
    ...options,
    source: watchFiles(options.secretsDir),
    cluster: kubernetes?.credentials(observability),
    observability,
  });
  return {
    citadel,
    secrets,
    runners: [
      { name: 'secrets', run: secrets.run },
      ...(kubernetes?.runners(citadel.authority.rootPem, observability.log) ?? []),
    ],
  };
}
