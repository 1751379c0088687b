import { reportCredentials } from '@flotilla/bus-port';
import { rootsSuffix, type UnservedCredential, type UnservedReason } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { provenAccount, type ProxyAttributes } from '@flotilla/pilot-world';
import { resourceName, secretAccess, type SecretRefusal } from '@flotilla/pilot-xds';
import type { Engine, Subject } from '@flotilla/query';
import { groupBy } from '@flotilla/std';
import type { PilotMetrics } from './metrics.ts';

type Reason = Exclude<SecretRefusal, 'not decided'> | 'not there';
const explanations: Readonly<Record<Reason, string>> = {
  'not a name':
    'this is not the name of a Secret: use kubernetes://NAME, kubernetes://NAMESPACE/NAME or kubernetes-gateway://NAMESPACE/NAME',
  'no identity': 'the proxy has not proved an identity: it must connect over mTLS',
  'not authorised':
    'its service account may not have credentials: in a cluster, a Role in its namespace must let it list Secrets; elsewhere citadel must have --credential-reader NAMESPACE/SERVICEACCOUNT',
  'another namespace': 'the Secret is in another namespace than the proxy',
  'not referenced': 'no Gateway of its namespace that selects its pod refers to it',
  'not there':
    'its namespace has no such Secret, or an unusable one: create it, for example with kubectl create secret tls NAME --cert FILE --key FILE, or look in the log of citadel for what is wrong with it',
};
const shownNames = 3;

export interface SecretReportsContext {
  readonly engine: Engine;
  readonly log: Logger;
  readonly metrics: PilotMetrics;
  /** Whether there is no credential of this name: citadel has none, or was not asked because of a limit. */
  isAbsent(name: string): boolean;
  /** Whether citadel has answered that there is no credential of this name. */
  isMissing(name: string): boolean;
}
/** What galley tells the author of the object that names the credential. */
const reportedReasons: Partial<Readonly<Record<SecretRefusal, UnservedReason>>> = {
  'not a name': 'not a name',
  'not authorised': 'not allowed',
  'another namespace': 'other namespace',
};
/** What citadel has refused or does not have. */
export interface CredentialRefusals {
  /** Names of credentials that do not exist. */
  readonly absent: ReadonlySet<string>;
  /** ServiceAccounts, `namespace/name`, that may have none. */
  readonly accounts: ReadonlySet<string>;
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
  { engine, log, metrics, isAbsent, isMissing }: SecretReportsContext,
  { identity }: ProxyAttributes,
) {
  const account = provenAccount(identity)?.account;
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
    if ('refused' in access) return access.refused === 'not decided' ? undefined : access.refused;
    return isAbsent(access.key) ? 'not there' : undefined;
  };
  const unservedReason = (name: string, subject: Subject): UnservedReason | undefined => {
    const access = engine.read(secretAccess, name, subject);
    if ('refused' in access) return reportedReasons[access.refused];
    return isMissing(access.key) ? 'not found' : undefined;
  };
  return {
    /**
     * Which of these credentials, as objects name them, the proxy does not get of those that it requests; the first
     * ones.
     */
    unserved(
      names: Iterable<string>,
      { isRequested, subject }: { isRequested(resource: string): boolean; readonly subject: Subject },
    ): readonly UnservedCredential[] {
      const found: UnservedCredential[] = [];
      for (const credential of names)
        for (const suffix of ['', rootsSuffix]) {
          const resource = `${resourceName(credential)}${suffix}`;
          const reason = isRequested(resource) ? unservedReason(resource, subject) : undefined;
          if (reason !== undefined) found.push({ name: `${credential}${suffix}`, reason });
          if (found.length === reportCredentials.perObject) return found;
        }
      return found;
    },
    /** The proxy, known to queries as `subject`, has newly requested secrets of these names. */
    requested(names: readonly string[], subject: Subject): void {
      report(names.map((name) => ({ name, reason: reasonFor(name, subject) })));
    },
    /**
     * Citadel has refused something; the proxy, known to queries as `subject`, has requested the names in `requested`.
     */
    refused(
      { absent, accounts }: CredentialRefusals,
      { requested, subject }: { readonly requested: Iterable<string>; readonly subject: Subject },
    ): void {
      const reasonNow = (name: string): Reason | undefined => {
        const access = engine.read(secretAccess, name, subject);
        if ('key' in access) return absent.has(access.key) ? 'not there' : undefined;
        const isNew = access.refused === 'not authorised' && account !== undefined && accounts.has(account);
        return isNew ? access.refused : undefined;
      };
      report([...requested].map((name) => ({ name, reason: reasonNow(name) })));
    },
  };
}
