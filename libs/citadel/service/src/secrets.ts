import {
  createCredentialHub,
  createReaderList,
  SecretFiles,
  type AccessReader,
  type SecretFile,
  type SecretReader,
} from '@flotilla/citadel-credentials';
import { createCredentialServer } from '@flotilla/citadel-server';
import type { GrpcService } from '@flotilla/grpc';
import type { CredentialSource } from '@flotilla/model';
import type { Observability } from '@flotilla/observability-port';
import { controlPlaneIdentity, type ControlPlane } from '@flotilla/rules';

/** Files of Secrets: first all there are, then those that changed. */
export interface SecretSource {
  run(signal: AbortSignal): AsyncIterable<readonly SecretFile[]>;
}
/** The Secrets of a cluster, and who may read them there. */
export interface ClusterSecrets {
  readonly secrets: SecretReader;
  readonly access: AccessReader;
}
export interface SecretsOptions extends ControlPlane {
  /** Secrets in files, which take precedence over those of a cluster. */
  readonly source: SecretSource;
  /** ServiceAccounts, `namespace/name`, that may have the credentials of their namespace when there is no cluster. */
  readonly credentialReader: readonly string[];
  readonly cluster?: ClusterSecrets | undefined;
  readonly observability: Observability;
  /** Names that one stream of pilot may follow at a time. */
  readonly maxCredentialsPerStream: number;
}
/** Credentials of Secrets: served to pilot over mTLS, or subscribed to in the same process. */
export interface Secrets extends GrpcService, CredentialSource {
  /**
   * Ends when the signal aborts or the source ends; throws what the source throws. May be called again after that: the
   * first files of the source then replace all earlier ones.
   */
  run(signal: AbortSignal): Promise<void>;
}

export function createSecrets(options: SecretsOptions): Secrets {
  const { source, cluster, observability, maxCredentialsPerStream } = options;
  const log = observability.log.scope('secrets');
  const hub = createCredentialHub(cluster ?? { access: createReaderList(options.credentialReader) });
  const allow = [controlPlaneIdentity(options, 'pilot')];
  const server = createCredentialServer({ source: hub, allow, observability, maxNames: maxCredentialsPerStream });
  const files = new SecretFiles();

  function take(found: readonly SecretFile[]): void {
    const { update, problems } = files.apply(found);
    for (const { message, origin, resource } of problems) log.error(message, { origin, resource });
    hub.update(update);
    if (update.put.size + update.delete.length > 0)
      log.info('credentials changed', { put: [...update.put.keys()], delete: update.delete });
  }

  return {
    addTo: server.addTo,
    subscribe: hub.subscribe,
    async run(signal) {
      let isFirst = true;
      for await (const found of source.run(signal)) {
        take(isFirst ? [...files.missingFrom(found), ...found] : found);
        isFirst = false;
      }
    },
  };
}
