import type { Logger } from '@flotilla/observability-port';
import type { ProxyAttributes } from '@flotilla/pilot-world';
import { oneOf, secretAccess, type SecretRefusal } from '@flotilla/pilot-xds';
import type { Engine, Subject } from '@flotilla/query';
import { groupBy } from '@flotilla/std';
import type { PilotMetrics } from './metrics.ts';

type Reason = SecretRefusal | 'no identity' | 'not there';
const explanations: Readonly<Record<Reason, string>> = {
  'not a name': 'this is not a name of a secret: use kubernetes://NAME, kubernetes://NAMESPACE/NAME or kubernetes-gateway://NAMESPACE/NAME',
  'no identity': 'the proxy has not proved an identity: it must connect over mTLS',
  'not authorised': 'its service account may not have credentials: --credential-reader NAMESPACE/SERVICEACCOUNT allows it',
  'another namespace': 'the Secret is in another namespace than the proxy',
  'not referenced': 'no Gateway of its namespace that selects its pod refers to it',
  'not there': 'its namespace has no such credential: look for the Secret in it, and at what citadel says of that',
};
const shown = { names: 3, characters: 100 };
const shorten = (name: string): string => (name.length > shown.characters ? `${name.slice(0, shown.characters)}... (${name.length} characters)` : name);

export interface SecretReportsContext { readonly engine: Engine; readonly log: Logger; readonly metrics: PilotMetrics }

/**
 * Tells an operator which secrets a proxy asks for and does not get. Galley can't see Secrets, so only pilot can. What a proxy may not have is logged once per
 * stream and reason, whatever it asks for; a Secret that is not there, each time it is newly asked for.
 */
export function createSecretReports({ engine, log, metrics }: SecretReportsContext, { id, identity }: ProxyAttributes) {
  const told = new Set<Reason>();
  const reasonFor = (name: string, subject: Subject): Reason | undefined => {
    const access = engine.read(secretAccess, name, subject);
    if ('refused' in access) return access.refused === 'not authorised' && identity === undefined ? 'no identity' : access.refused;
    return engine.read(oneOf, `sds|${name}`, subject) ? undefined : 'not there';
  };
  return {
    /** The proxy, known to queries as `subject`, has newly asked for secrets of these names. */
    asked(names: readonly string[], subject: Subject): void {
      const byReason = groupBy(names.map((name) => ({ name, reason: reasonFor(name, subject) })), ({ reason }) => reason);
      for (const [reason, group] of byReason) {
        if (reason === undefined) continue;
        metrics.secretErrors.add(group.length);
        if (told.has(reason)) continue;
        if (reason !== 'not there') told.add(reason);
        log.scope('ads').warn('secrets not served', { proxy: id, secrets: group.slice(0, shown.names).map(({ name }) => shorten(name)), count: group.length, reason: explanations[reason] });
      }
    },
  };
}
