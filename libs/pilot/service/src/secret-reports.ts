import type { Logger } from '@flotilla/observability-port';
import type { ProxyAttributes } from '@flotilla/pilot-world';
import { secretAccess, type SecretRefusal } from '@flotilla/pilot-xds';
import type { Engine, Subject } from '@flotilla/query';
import { groupBy } from '@flotilla/std';
import type { PilotMetrics } from './metrics.ts';

type Reason = SecretRefusal | 'no identity' | 'not there';
const explanations: Readonly<Record<Reason, string>> = {
  'not a name':
    'this is not a name of a secret: use kubernetes://NAME, kubernetes://NAMESPACE/NAME or kubernetes-gateway://NAMESPACE/NAME',
  'no identity': 'the proxy has not proved an identity: it must connect over mTLS',
  'not authorised':
    'its service account may not have credentials: --credential-reader NAMESPACE/SERVICEACCOUNT allows it',
  'another namespace': 'the Secret is in another namespace than the proxy',
  'not referenced': 'no Gateway of its namespace that selects its pod refers to it',
  'not there': 'its namespace has no such credential: look for the Secret in it, and at what citadel says of that',
};
const shownNames = 3;

export interface SecretReportsContext {
  readonly engine: Engine;
  readonly log: Logger;
  readonly metrics: PilotMetrics;
  /** Is it known that there is no credential of this name? */
  isAbsent(name: string): boolean;
}
interface Asked {
  readonly name: string;
  readonly reason: Reason | undefined;
}

/**
 * Shows an operator which secrets a proxy requests and does not get. Galley can't see Secrets, so only pilot can. What
 * a proxy may not have is logged once per stream and reason, whatever it requests; a Secret that is not there, each
 * time that becomes known.
 */
export function createSecretReports(
  { engine, log, metrics, isAbsent }: SecretReportsContext,
  { identity }: ProxyAttributes,
) {
  const reported = new Set<Reason>();
  const report = (all: readonly Asked[]): void => {
    for (const [reason, group] of groupBy(all, (each) => each.reason)) {
      if (reason === undefined) continue;
      metrics.secretErrors.add(group.length);
      if (reported.has(reason)) continue;
      if (reason !== 'not there') reported.add(reason);
      const secrets = group.slice(0, shownNames).map(({ name }) => name);
      log.warn('secrets not served', { secrets, count: group.length, reason: explanations[reason] });
    }
  };
  const reasonFor = (name: string, subject: Subject): Reason | undefined => {
    const access = engine.read(secretAccess, name, subject);
    if ('refused' in access)
      return access.refused === 'not authorised' && identity === undefined ? 'no identity' : access.refused;
    return isAbsent(access.key) ? 'not there' : undefined;
  };
  return {
    /** The proxy, known to queries as `subject`, has newly asked for secrets of these names. */
    asked(names: readonly string[], subject: Subject): void {
      report(names.map((name) => ({ name, reason: reasonFor(name, subject) })));
    },
    /**
     * There are no credentials of these names; the proxy, known to queries as `subject`, has requested secrets of the
     * names in `asked`.
     */
    absent(
      credentials: ReadonlySet<string>,
      { asked, subject }: { readonly asked: Iterable<string>; readonly subject: Subject },
    ): void {
      const meant = (name: string): boolean => {
        const access = engine.read(secretAccess, name, subject);
        return 'key' in access && credentials.has(access.key);
      };
      report([...asked].filter(meant).map((name) => ({ name, reason: 'not there' })));
    },
  };
}
