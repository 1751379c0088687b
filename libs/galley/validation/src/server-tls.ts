import type { ServerTLSSettings } from '@flotilla/model';
import { knownCipherSuites } from '@flotilla/rules';
import { repeatedIn, type Report } from './report.ts';

/** An expression such as `-ALL` or `[a|b]` isn't looked into. */
const isCipherSuite = (suite: string): boolean =>
  suite === '' || suite === 'ALL' || !/^[\p{L}\p{N}]/u.test(suite) || knownCipherSuites.has(suite);
const listed = (suites: Iterable<string>): string => `[${[...new Set(suites)].sort().join(' ')}]`;

/** TLS of a Gateway's server, or of a Sidecar's ingress listener. */
export function checkServerTls(tls: ServerTLSSettings | undefined, path: string, report: Report): void {
  if (!tls) return;
  const suites = tls.cipherSuites ?? [];
  const invalid = suites.filter((suite) => !isCipherSuite(suite));
  const repeated = repeatedIn(suites.filter(isCipherSuite));
  if (['TLSV1_0', 'TLSV1_1'].includes(tls.minProtocolVersion ?? '') && suites.length === 0) {
    report.warn(
      `${path}.minProtocolVersion`,
      'TLS version below TLSV1_2 require setting compatible ciphers as by default they no longer include compatible ciphers.',
    );
  }
  if (invalid.length > 0) report.warn(`${path}.cipherSuites`, `ignoring invalid cipher suites: ${listed(invalid)}`);
  if (repeated.length > 0) report.warn(`${path}.cipherSuites`, `ignoring duplicate cipher suites: ${listed(repeated)}`);
  const mode = tls.mode ?? 'PASSTHROUGH';
  const given = {
    'server certificate': tls.serverCertificate,
    'private key': tls.privateKey,
    'CA bundle': tls.caCertificates,
    credentialName: tls.credentialName,
  };
  if (mode === 'ISTIO_MUTUAL') {
    for (const [name, value] of Object.entries(given))
      if (value) report.error(path, `ISTIO_MUTUAL TLS cannot have associated ${name}`);
    return;
  }
  if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') {
    if (Object.values(given).some(Boolean))
      report.warn(path, `${mode} mode does not use certificates, they will be ignored`);
    return;
  }
  // Credentials come by their name then.
  if (tls.credentialName) return;
  const name = mode === 'SIMPLE' ? 'SIMPLE' : 'MUTUAL';
  if (!tls.serverCertificate) report.error(path, `${name} TLS requires a server certificate`);
  if (!tls.privateKey) report.error(path, `${name} TLS requires a private key`);
  if (mode !== 'SIMPLE' && !tls.caCertificates) report.error(path, 'MUTUAL TLS requires a client CA bundle');
}
