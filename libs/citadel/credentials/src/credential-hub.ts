import { rootsSuffix, type Credential, type CredentialSource } from '@flotilla/model';
import type { AccessReader, SecretReader } from './reader.ts';
import { Subscription } from './subscription.ts';

/** What changed of Secrets, by `namespace/name`. */
export interface SecretUpdate {
  readonly put: ReadonlyMap<string, Credential>;
  readonly delete: readonly string[];
}

export interface CredentialHubOptions {
  /** Whose proxies may have credentials. */
  readonly access: AccessReader;
  /** Reads Secrets that `update` does not give. */
  readonly secrets?: SecretReader | undefined;
}

/** Credentials of Secrets, for subscribers to some of their names. */
export interface CredentialHub extends CredentialSource {
  /**
   * Takes in what changed of the Secrets. Before the first time nothing is answered: what is not there yet may only not
   * have been read.
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

/** The names of credentials that a Secret may decide. */
const namesIn = (secret: string): string[] =>
  secret.endsWith(rootsSuffix) ? [secret] : [secret, `${secret}${rootsSuffix}`];
