import type { Batch, Subscriber } from '@flotilla/bus-port';
import { collections, keyOf } from '@flotilla/model';
import type { Observability } from '@flotilla/observability-port';
import { worldChanges } from '@flotilla/pilot-world';
import type { Change } from '@flotilla/query';
import { traceBatch } from './cause.ts';
import type { KeySets } from './key-sets.ts';
import type { Reports } from './report/reports.ts';
import type { Settlement } from './settlement.ts';
import type { StartGate } from './start-gate.ts';

export interface ConfigurationOptions {
  readonly subscriber: Subscriber;
  readonly settlement: Settlement;
  readonly gate: StartGate;
  readonly keySets: KeySets;
  readonly reports: Reports;
  readonly observability: Pick<Observability, 'activity' | 'tracer'>;
  readonly signal: AbortSignal;
}

/** Applies one batch of the bus after the other, until the signal aborts. Throws when the subscription does. */
export async function followConfiguration(options: ConfigurationOptions): Promise<void> {
  const { subscriber, signal } = options;
  for await (const batch of subscriber.subscribe(collections, signal)) await apply(options, batch);
}

async function apply(options: ConfigurationOptions, batch: Batch): Promise<void> {
  const { settlement, gate, keySets, reports, observability } = options;
  const cause = traceBatch(observability.tracer, batch);
  const changes = changesOf(batch, observability);
  cause.taken();
  const begun = (): void => {
    settling.revision = reports.begin(batch);
    gate.complete(batch.complete);
  };
  const settling = { ...cause, revision: 0, begun };
  try {
    await settlement.settle(changes, settling);
  } finally {
    reports.settled();
  }
  void gate.settled(() => keySets.settled());
}

/** What a batch changes in the World. Each object is named as the current activity, for the watchdog. */
function changesOf(batch: Batch, { activity }: Pick<Observability, 'activity'>): Change[] {
  return [
    ...batch.put.flatMap(({ resource }) => {
      const { collection, meta } = resource;
      return activity.during({ name: `${collection} ${keyOf(meta)}` }, () =>
        worldChanges(collection, keyOf(meta), resource),
      );
    }),
    ...batch.delete.flatMap(({ collection, key }) => worldChanges(collection, key)),
  ];
}
