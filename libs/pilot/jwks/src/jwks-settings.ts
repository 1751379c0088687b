import { Resolver } from 'node:dns/promises';
import type { JwksFetchMode } from '@flotilla/model';
import { setting, type OptionsOf, type Setting } from '@flotilla/std';
import { createAddressGuard, defaultRefusedAddresses } from './address-guard.ts';

/** Istio's values of PILOT_JWT_ENABLE_REMOTE_JWKS. */
const modes: Readonly<Record<string, JwksFetchMode>> = {
  false: 'istiod',
  istiod: 'istiod',
  true: 'hybrid',
  hybrid: 'hybrid',
  envoy: 'envoy',
};

const fetchMode = (): Setting<JwksFetchMode> => {
  const choice = setting.choice(
    'who fetches the keys at a jwksUri: pilot (false, istiod), Envoy if the mesh knows the host (true, hybrid), or always Envoy',
    Object.keys(modes),
    { value: 'false', env: 'PILOT_JWT_ENABLE_REMOTE_JWKS' },
  );
  return { ...choice, value: 'istiod', written: 'false', parse: (given) => modes[choice.parse(given)] ?? 'istiod' };
};

function blocks(describe: string, value: readonly string[]): Setting<readonly string[]> {
  const list = setting.list(describe, value, { metavar: 'address/bits' });
  const parse = (given: string): readonly string[] => {
    const found = list.parse(given).filter((one) => one !== 'none');
    createAddressGuard({ refused: found, allowed: [] });
    return found;
  };
  return { ...list, written: value.join(' '), parse };
}

function nameServers(describe: string): Setting<readonly string[]> {
  const list = setting.list(describe, [], { metavar: 'address[:port]' });
  const parse = (given: string): readonly string[] => {
    const found = list.parse(given);
    new Resolver().setServers(found);
    return found;
  };
  return { ...list, parse };
}

/** How pilot fetches the keys that verify tokens (`jwksUri` and OpenID discovery of RequestAuthentication). */
export const jwksSettings = () => ({
  jwksFetchMode: fetchMode(),
  jwksRefreshInterval: setting.duration('time between two fetches of the keys that verify tokens', '20m', {
    env: 'PILOT_JWT_PUB_KEY_REFRESH_INTERVAL',
  }),
  jwksTimeout: setting.duration('time to fetch a key set, with all redirects', '5s'),
  jwksMaxBackoff: setting.duration('longest time between two failed attempts to fetch a key set', '5m'),
  jwksKeep: setting.duration('how long keys that cannot be fetched again stay in force', '168h'),
  jwksWait: setting.duration('how long pilot waits for key sets at its start before it serves proxies', '5s'),
  jwksBytes: setting.count('bytes of a key set, and of a discovery document', 262_144),
  jwksTotalBytes: setting.count('bytes of all key sets together', 67_108_864),
  jwksRedirects: setting.count('redirects on the way to a key set', 5),
  jwksFetches: setting.count('key sets that are fetched at once; the others wait', 32),
  jwksFetchesPerHost: setting.count('key sets that are fetched from one host at once; the others wait', 4),
  maxKeySets: setting.count('key sets that pilot fetches; tokens that need others are refused', 1000),
  jwksRefusedAddresses: blocks(
    'addresses that no key set is fetched from, instead of the default (none: every address is allowed)',
    defaultRefusedAddresses,
  ),
  jwksAllowedAddresses: blocks('exceptions: refused addresses that key sets are fetched from nevertheless', []),
  jwksNameServers: nameServers("DNS server for the hosts of key sets, instead of the system's"),
  jwksRoots: setting.optionalPath("PEM roots for the hosts of key sets, instead of the system's", {
    env: 'SSL_CERT_FILE',
  }),
  jwksExtraRoots: setting.path('PEM roots for the hosts of key sets, in addition to the others', '/cacerts/extra.pem'),
  jwksInsecureSkipVerify: setting.toggle(
    'trusts the host of a key set without checking its certificate: anyone on the path can have tokens accepted',
    { env: 'JWKS_RESOLVER_INSECURE_SKIP_VERIFY' },
  ),
});
export type JwksOptions = Omit<OptionsOf<ReturnType<typeof jwksSettings>>, 'jwksFetchMode'>;
