import type { Credential, CredentialUpdate } from '@flotilla/model';
import type { Change } from '@flotilla/query';
import type { View } from './view.ts';

/**
 * The store's collection of credentials, by the names of a CredentialSubscription. Pilot holds those that somebody may
 * have and has requested.
 */
export const credentials = 'credentials';

/** The store's collection of whether ServiceAccounts, `namespace/name`, may have the credentials in their namespace. */
export const credentialReaders = 'credential-readers';

/** An update of credentials as changes of the store. */
export const credentialChanges = ({ put, delete: gone, readers = new Map() }: CredentialUpdate): Change[] => [
  ...[...readers].map(([key, value]) => ({ collection: credentialReaders, key, value })),
  ...[...put].map(([key, value]) => ({ collection: credentials, key, value })),
  ...gone.map((key) => ({ collection: credentials, key, value: undefined })),
];
export const credentialOf = (view: View, key: string): Credential | undefined =>
  view.derived(credentials, key) as Credential | undefined;
/** Whether a ServiceAccount may have the credentials in its namespace; undefined while that is not known. */
export const mayReadCredentials = (view: View, account: string): boolean | undefined =>
  view.derived(credentialReaders, account) as boolean | undefined;
