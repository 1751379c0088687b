import type { Area } from './area.ts';
import { envoy } from './envoy/run.ts';
import { wire } from './xds/wire.ts';
import { xds } from './xds/xds.ts';

/** Everything that is compared with real Istio, by the name on the command line. */
export const areas: Readonly<Record<string, Area>> = { xds, envoy, wire };
