import { describeResource, isForbidden, resources } from '@flotilla/kube-port';
import { jsonAnswer, type Logger, type Metrics, type Page } from '@flotilla/observability-port';
import { aborted, messageOf } from '@flotilla/std';
import { createElection, type Election, type ElectionOptions } from './election.ts';

export interface OpenElectionOptions extends Omit<ElectionOptions, 'onFailure'> {
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** An election, and how operators see it. */
export interface OpenElection {
  readonly election: Election;
  /** Takes part in the election once `ready` resolves: until then, the process could not do a leader's work. */
  runner(ready?: Promise<unknown>): { readonly name: string; run(signal: AbortSignal): Promise<void> };
  /** /debug/leader. */
  readonly page: Page;
  /** For readiness: a line that names the leader. */
  details(): readonly string[];
}

/** An election with its log, the metric `leader`, and a page. */
export function openElection({ log, metrics, ...options }: OpenElectionOptions): OpenElection {
  const { namespace, name, identity } = options;
  const lease = `${namespace}/${name}`;
  const gauge = metrics.gauge('leader', 'Whether this process leads among its replicas: 1 or 0.');
  let problem: string | undefined;
  const election = createElection({
    ...options,
    onFailure(thrown) {
      const reason = thrown === undefined ? undefined : reasonOf(thrown, lease);
      if (reason === problem) return;
      problem = reason;
      if (reason === undefined) log.info('taking part in the election again', { lease });
      else log.warn('cannot take part in the election; trying again', { lease, reason });
    },
  });
  gauge.set(0);
  election.onChange((isLeader) => {
    gauge.set(isLeader ? 1 : 0);
    if (isLeader) log.info('became the leader', { lease });
    else log.info('no longer the leader', { lease });
  });
  const describe = (): string => {
    const holder = election.holder();
    if (election.isLeader()) return `leads: holds the Lease ${lease}`;
    return `does not lead: ${problem ?? (holder ? `${holder} holds the Lease ${lease}` : `nobody holds the Lease ${lease}`)}`;
  };
  return {
    election,
    runner: (ready) => ({
      name: 'election',
      async run(signal) {
        await Promise.race([ready, aborted(signal)]);
        await election.run(signal);
      },
    }),
    page: {
      summary: 'which replica leads',
      answer: () =>
        jsonAnswer({
          isLeader: election.isLeader(),
          lease,
          holder: election.holder() ?? null,
          identity,
          ...(problem === undefined ? {} : { problem }),
        }),
    },
    details: () => [describe()],
  };
}

/** For a missing permission, the API server's message names verb, resource and ServiceAccount. */
const reasonOf = (thrown: unknown, lease: string): string =>
  isForbidden(thrown)
    ? `${messageOf(thrown)}: needs get, create and update of ${describeResource(resources.leases)} for ${lease}`
    : messageOf(thrown);
