import { rootsSuffix, type Credential, type CredentialSource } from '@flotilla/model';
import type { AccessReader, SecretReader } from './reader.ts';
import { Subscription } from './subscription.ts';

/** Changes of Secrets, by `namespace/name`. */
export interface SecretUpdate {
  readonly put: ReadonlyMap<string, Credential>;
  readonly delete: readonly string[];
}

export interface CredentialHubOptions {
  /** Decides which ServiceAccounts may have credentials. */
  readonly access: AccessReader;
  /** Reads Secrets that `update` does not provide. */
  readonly secrets?: SecretReader | undefined;
}

/** Credentials of Secrets, for subscribers to some of their names. */
export interface CredentialHub extends CredentialSource {
  /**
   * Applies changes of Secrets. No subscriber gets an answer before the first call, because a Secret that is missing
   * then may just not have been read.
   */
  update(change: SecretUpdate): void;
}

export function createCredentialHub({ access, secrets: others }: CredentialHubOptions): CredentialHub {
  const given = new Map<string, Credential>();
  const subscriptions = new Set<Subscription>();
  let isReady = false;
  const secrets: SecretReader = {
    follow(secret, onChange) {
      const other = others?.follow(secret, onChange);
      return {
        current: () => given.get(secret) ?? (other ? other.current() : 'absent'),
        end: () => other?.end(),
      };
    },
  };
  return {
    update({ put, delete: gone }) {
      for (const [key, credential] of put) given.set(key, credential);
      for (const key of gone) given.delete(key);
      const names = [...put.keys(), ...gone].flatMap(namesIn);
      for (const subscription of subscriptions) {
        if (isReady) subscription.changed(names);
        else subscription.start();
      }
      isReady = true;
    },
    subscribe(signal) {
      const subscription = new Subscription({ secrets, access, onEnd: () => subscriptions.delete(subscription) });
      subscriptions.add(subscription);
      if (isReady) subscription.start();
      if (signal.aborted) subscription.end();
      else signal.addEventListener('abort', () => subscription.end(), { once: true });
      return subscription;
    },
  };
}

/** The names of the credentials that a Secret may affect. */
const namesIn = (secret: string): string[] =>
  secret.endsWith(rootsSuffix) ? [secret] : [secret, `${secret}${rootsSuffix}`];
