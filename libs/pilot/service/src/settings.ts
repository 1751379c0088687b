import { setting } from '@flotilla/std';

/** Where pilot serves discovery, and to whom it gives keys. */
export const pilotSettings = () => ({
  grpcPort: setting.port('plaintext xDS, for proxies on a network that is safe otherwise (0: any)', 15_010),
  secureGrpcPort: setting.port('xDS over mTLS (0: any)', 15_012),
  maxXdsConnections: setting.count('connections at once on each of these ports; one more ends the longest idle, those without a client certificate first', 20_000),
  credentialReader: serviceAccounts('service account of gateways that may have the certificates and keys in Secrets of its namespace; nobody else gets any'),
  maxCredentials: setting.count('certificates of gateways that are held at a time; more wait until others are let go', 10_000),
});

const account = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

function serviceAccounts(describe: string) {
  const list = setting.list(describe, [], { metavar: 'namespace/serviceaccount' });
  const parse = (given: string): readonly string[] => list.parse(given).map((each) => {
    if (!account.test(each)) throw new Error(`${JSON.stringify(each)} is not NAMESPACE/SERVICEACCOUNT, as in istio-system/istio-ingressgateway`);
    return each;
  });
  return { ...list, parse };
}
