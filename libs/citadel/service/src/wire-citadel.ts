import type { Installation } from '@flotilla/model';
import type { Logger, Observability } from '@flotilla/observability-port';
import type { OptionsOf } from '@flotilla/std';
import { createCitadel, type Citadel, type CitadelOptions } from './citadel.ts';
import { citadelFiles, type CitadelFilesOptions } from './citadel-files.ts';
import type { citadelSettings } from './citadel-settings.ts';
import { createFileRootStore } from './root-store.ts';
import { createSecrets, type ClusterSecrets, type Secrets, type SecretSource } from './secrets.ts';

interface Runner {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}
/** What citadel uses of a cluster. */
export interface CitadelPlatform extends Pick<CitadelOptions, 'root' | 'pluggedIn' | 'review'> {
  /** The Secrets that gateways use, and who may read them. */
  credentials(observability: Observability): ClusterSecrets;
  /** Runners that keep the root certificates in every namespace, and watch the plugged-in CA. */
  runners(rootPem: string, log: Logger): readonly Runner[];
}
export interface CitadelParts {
  /** For files that have no name in the settings. */
  readonly folder: string;
  /** The service account of its certificate, where it is not `citadel`. */
  readonly service?: string;
  /** The cluster, if it is the platform. */
  readonly platform: CitadelPlatform | undefined;
  /** Secrets in files. */
  readonly secretFiles: SecretSource;
  readonly observability: Observability;
}
export interface WiredCitadel {
  readonly citadel: Citadel;
  readonly secrets: Secrets;
  readonly runners: readonly Runner[];
}

type Options = OptionsOf<ReturnType<typeof citadelSettings>> &
  Omit<Installation, 'clusterId'> &
  Pick<CitadelFilesOptions, 'platform'>;

/**
 * Creates citadel and the Secrets that it serves from an app's settings, the same way in every app that contains it.
 * Rejects as `createCitadel` does.
 */
export async function wireCitadel(options: Options, parts: CitadelParts): Promise<WiredCitadel> {
  const { folder, service, platform, secretFiles, observability } = parts;
  const citadel = await createCitadel({
    ...options,
    ...citadelFiles(options, folder),
    ...(service === undefined ? {} : { service }),
    root: platform?.root ?? createFileRootStore(options.rootFile),
    pluggedIn: platform?.pluggedIn,
    review: platform?.review,
    observability,
  });
  const secrets = createSecrets({
    ...options,
    source: secretFiles,
    cluster: platform?.credentials(observability),
    observability,
  });
  return {
    citadel,
    secrets,
    runners: [
      { name: 'secrets', run: secrets.run },
      ...(platform?.runners(citadel.authority.rootPem, observability.log) ?? []),
    ],
  };
}
