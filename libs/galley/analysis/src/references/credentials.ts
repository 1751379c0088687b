import { buildProblem, rootsSuffix, type ObjectKey, type Problem, type UnservedReason } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import { credentialNames } from '@flotilla/rules';
import type { Check } from '../check.ts';
import { credentialsKey } from '../store.ts';
import type { View } from '../view.ts';

const explanations: Readonly<Record<Exclude<UnservedReason, 'not found'>, string>> = {
  'not allowed':
    'their service account may not have credentials: let it list Secrets of its namespace, or without a cluster add it to --credential-reader of citadel',
  'other namespace': 'it is in another namespace than they are: copy it to theirs, and name it without a namespace',
  'not a name': 'no Secret can have this name: correct it',
};

function problemOf(name: string, reason: UnservedReason, path: string): Problem {
  return reason === 'not found'
    ? buildProblem('ReferencedResourceNotFound', { reference: 'credentialName', name }, path)
    : buildProblem('CredentialNotServed', { name, reason: explanations[reason] }, path);
}

/**
 * Credentials that proxies request and do not get (Istio's gateway.SecretAnalyzer). Galley sees no Secrets: that one is
 * missing is what pilots report, who know it from citadel.
 */
const credentialsServed = (collection: 'gateways' | 'destination-rules'): Check => ({
  name: `${collection}-credentials`,
  collection,
  query: defineQuery(`${collection}-credentials`, (view: View, key: ObjectKey): readonly Problem[] => {
    const unserved = view.get('unserved-credentials', credentialsKey(collection, key));
    if (!unserved) return [];
    return credentialNames(view.get(collection, key)?.spec).flatMap(({ path, name: named }) =>
      unserved
        .filter(({ name }) => name === named || name === `${named}${rootsSuffix}`)
        .map(({ name, reason }) => problemOf(name, reason, path)),
    );
  }),
});

export const credentialReferences: readonly Check[] = [
  credentialsServed('gateways'),
  credentialsServed('destination-rules'),
];
