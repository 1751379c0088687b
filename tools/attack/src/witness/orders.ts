import type { KeyAndCertificate } from '@flotilla/pki';
import type { WebhookPlace } from '../clients/webhook.ts';
import type { CaPlace } from '../clients/workload.ts';
import type { Timed } from './waiting.ts';

/** A process whose health is watched; without a pid it is known not to run. */
export interface Watched {
  readonly name: string;
  readonly address: string;
  readonly pid: number | undefined;
  readonly isNats: boolean;
}
/** Those who do nothing wrong, and what they need for it. */
export interface Clients {
  readonly sidecar: { readonly address: string; readonly certificate: KeyAndCertificate; readonly server: string };
  readonly workload: { readonly ca: CaPlace; readonly token: string; readonly server: string };
  readonly apiServer: { readonly webhook: WebhookPlace; readonly server: string };
}
export interface Order {
  readonly watched: readonly Watched[];
  readonly clients: Clients;
}

/**
 * One observation: a check of a process' health, its memory, or one client that was served. `ms` leaves out the time in
 * which the machine gave no core.
 */
export interface Sample extends Timed {
  readonly what: 'health' | 'memory' | 'sidecar' | 'workload' | 'api-server';
  /** The process that was asked. */
  readonly who: string;
  /** Resident bytes, for memory. */
  readonly bytes?: number;
  /** What the sidecar has been given: a digest of each resource by its type and name. */
  readonly xds?: Readonly<Record<string, string>>;
}
