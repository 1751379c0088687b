import type { CredentialUpdate } from '@flotilla/model';
import { credentialChanges } from '@flotilla/pilot-world';
import { untracedCause } from './cause.ts';
import type { ConnectedProxies } from './connected-proxies.ts';
import type { CredentialDemand } from './credential-demand.ts';
import type { Reports } from './report/reports.ts';
import type { Settlement } from './settlement.ts';

export interface CredentialsOptions {
  readonly demand: CredentialDemand;
  readonly settlement: Settlement;
  readonly proxies: ConnectedProxies;
  readonly reports: Pick<Reports, 'credentialsChanged'>;
  onError(error: unknown): void;
}

/** Applies what citadel says about credentials, until there are no more updates. An update that fails is skipped. */
export async function followCredentials(options: CredentialsOptions): Promise<void> {
  for await (const update of options.demand.updates) {
    try {
      await apply(options, update);
    } catch (error) {
      options.onError(error);
    }
  }
}

async function apply(options: CredentialsOptions, update: CredentialUpdate): Promise<void> {
  const { demand, settlement, proxies, reports } = options;
  demand.note(update);
  await settlement.settle(credentialChanges(update), untracedCause());
  const absent = new Set(update.delete);
  const accounts = new Set([...(update.readers ?? [])].flatMap(([account, mayRead]) => (mayRead ? [] : account)));
  if (absent.size + accounts.size > 0) for (const proxy of proxies) proxy.onRefused({ absent, accounts });
  reports.credentialsChanged(update.readers?.size ? undefined : [...update.put.keys(), ...update.delete]);
}
