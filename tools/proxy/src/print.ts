import { typeUrls } from '@flotilla/pilot-xds';
import type { Event } from './follow.ts';
import type { Change, Held } from './held.ts';
import { describeChange, describeHeld, describeResources } from './lines.ts';
import type { ProxyOptions } from './options.ts';

type Shown = Pick<ProxyOptions, 'as' | 'pilot' | 'all' | 'diff' | 'show'>;

/** Turns events into lines for people: all names once everything has arrived, then the changes. */
export class Printer {
  readonly #options: Shown;
  readonly #held: Held;
  readonly #clock: () => Date;
  #hasShownAll = false;

  constructor(options: Shown, { held, now }: { readonly held: Held; readonly now: () => Date }) {
    this.#options = options;
    this.#held = held;
    this.#clock = now;
  }

  /** Lines for an event. */
  linesOf(event: Event): readonly string[] {
    const { pilot, as } = this.#options;
    switch (event.kind) {
      case 'connected':
        return [`connected to pilot at ${pilot} as ${as}`];
      case 'disconnected':
        return [`not connected to pilot at ${pilot}, trying again: ${event.reason}`];
      case 'changed':
        return this.#hasShownAll ? this.#changes(event.changes) : this.#first();
    }
  }

  #first(): readonly string[] {
    if (!this.#held.isComplete) return [];
    this.#hasShownAll = true;
    return [...describeHeld(this.#held, { isAll: this.#options.all }), ...this.#resources(this.#options.show)];
  }

  #changes(changes: readonly Change[]): readonly string[] {
    const { show, diff } = this.#options;
    const time = this.#clock().toISOString().slice(11, 23);
    return changes.flatMap((change) => {
      const [line = '', ...rest] = describeChange(change, { isDiff: diff });
      const isShown = show !== undefined && change.name.includes(show);
      return [`${time} ${line}`, ...rest, ...(isShown && change.after ? this.#resources(change.name) : [])];
    });
  }

  #resources(text: string | undefined): readonly string[] {
    return text === undefined ? [] : describeResources(this.#held, text);
  }
}

/** An event for programs, as one JSON object. */
export const jsonOf = (event: Event, now: Date): string =>
  JSON.stringify({
    at: now.toISOString(),
    ...event,
    ...(event.kind === 'changed'
      ? {
          changes: event.changes.map(({ kind, name, before, after }) => ({
            type: typeUrls[kind],
            name,
            ...(before ? { before: before.json } : {}),
            ...(after ? { after: after.json } : {}),
          })),
        }
      : {}),
  });
