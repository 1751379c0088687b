import { rootsSuffix } from '@flotilla/model';
import { provenAccount, worldQuery } from '@flotilla/pilot-world';
import { labelsMatchBy } from '@flotilla/rules';
import { resourceName } from '../tls/sds.ts';

const checksClients: readonly unknown[] = ['MUTUAL', 'OPTIONAL_MUTUAL'];

/**
 * Resource names of the secrets that Gateways refer to: those in the namespace of the identity that the proxy proved,
 * whose selector selects the workload that runs as that identity, by the labels that the registries know it by (Istio's
 * VerifiedCertificateReferences). Empty for sidecars and for proxies that proved nothing.
 */
export const credentialReferences = worldQuery('credential-references', (view): ReadonlySet<string> => {
  if (view.attr('type') !== 'router' || !view.attr('isProven')) return new Set();
  const { namespace } = provenAccount(view.attr('identity')) ?? {};
  if (namespace === undefined) return new Set();
  const gateways = view
    .index('gateways', 'namespace', namespace)
    .flatMap((key) => view.get('gateways', key) ?? [])
    .filter(({ spec }) => labelsMatchBy(spec.selector, (name) => view.registeredLabel(name)));
  return new Set(
    gateways
      .flatMap(({ spec }) => spec.servers ?? [])
      .flatMap(({ tls }) => {
        if (!tls?.credentialName) return [];
        const name = resourceName(tls.credentialName);
        return checksClients.includes(tls.mode) ? [name, `${name}${rootsSuffix}`] : [name];
      }),
  );
});
