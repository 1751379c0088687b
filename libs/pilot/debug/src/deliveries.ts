import type { Effect } from '@flotilla/ads';

/** What was last sent of a type, and what the proxy last acknowledged. */
export interface Delivery {
  /** Nonce and version of the last response. */
  readonly sent?: string;
  readonly version?: string;
  /** Nonce of the last response that was acknowledged. */
  readonly acked?: string;
}

/** What one proxy was sent and has acknowledged, by type URL. */
export class LastDeliveries {
  readonly #byType = new Map<string, Delivery>();

  note(effect: Effect): void {
    if (effect.kind === 'send') this.#update(effect.typeUrl, { sent: effect.nonce, version: effect.version });
    if (effect.kind === 'acked') this.#update(effect.typeUrl, { acked: effect.nonce });
  }

  get(typeUrl: string): Delivery {
    return this.#byType.get(typeUrl) ?? {};
  }

  #update(typeUrl: string, change: Delivery): void {
    this.#byType.set(typeUrl, { ...this.get(typeUrl), ...change });
  }
}
