import type { Credential, CredentialUpdate } from '@flotilla/model';
import type { Change } from '@flotilla/query';
import type { View } from './view.ts';

/**
 * The store's collection of credentials, by the names of a CredentialSubscription. Pilot holds those that somebody may
 * have and has requested.
 */
export const credentials = 'credentials';

/** An update of credentials as changes of the store. */
export const credentialChanges = ({ put, delete: gone }: CredentialUpdate): Change[] => [
  ...[...put].map(([key, value]) => ({ collection: credentials, key, value })),
  ...gone.map((key) => ({ collection: credentials, key, value: undefined })),
];
export const credentialOf = (view: View, key: string): Credential | undefined =>
  view.derived(credentials, key) as Credential | undefined;
