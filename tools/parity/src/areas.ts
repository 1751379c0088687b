import type { Area } from './area.ts';
import { bootstrap } from './bootstrap/bootstrap.ts';
import { envoy } from './envoy/run.ts';
import { injection } from './injection/injection.ts';
import { iptables } from './iptables/iptables.ts';
import { validation } from './validation/validation.ts';
import { wire } from './xds/wire.ts';
import { xds } from './xds/xds.ts';

/** Everything that is compared with real Istio, by the name on the command line. */
export const areas: Readonly<Record<string, Area>> = { xds, envoy, wire, bootstrap, injection, iptables, validation };
