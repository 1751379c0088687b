import { hostname } from 'node:os';
import { createResumableSubscriber } from '@flotilla/bus-port';
import type { wireCitadel } from '@flotilla/citadel-service';
import { createKeySetSource } from '@flotilla/pilot-jwks';
import { createPilot } from '@flotilla/pilot-service';
import type { Context, Options } from './settings.ts';
import type { InjectorParts } from './wire-injector.ts';

export interface PilotParts extends Pick<InjectorParts, 'bus' | 'installation'> {
  readonly citadel: Awaited<ReturnType<typeof wireCitadel>>;
}

/** Pilot, with galley and citadel in the same process. */
export const wirePilot = (
  options: Options,
  { observability, signal }: Context,
  { bus, installation, citadel: { citadel, secrets } }: PilotParts,
): ReturnType<typeof createPilot> =>
  createPilot({
    installation,
    jwksFetchMode: options.jwksFetchMode,
    subscriber: createResumableSubscriber(bus),
    reports: { sender: bus, instance: hostname() },
    credentials: secrets,
    identify: citadel.identify,
    maxCredentials: options.maxCredentials,
    keySets: createKeySetSource({ ...options, observability }),
    limits: options,
    observability,
    signal,
  });
