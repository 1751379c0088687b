import { hostname } from 'node:os';
import { createKeySetSource, jwksSettings } from '@flotilla/pilot-jwks';
import { createPilot, hardRequestLimit, pilotSettings } from '@flotilla/pilot-service';
import {
  commonSettings,
  grpcSettings,
  installationIn,
  installationSettings,
  runApp,
  xdsPorts,
} from '@flotilla/runtime';
import { busSettings, createSubscriber } from '@flotilla/runtime/bus';
import { createCredentialClient } from '@flotilla/runtime/credential-client';
import { createIdentityClient } from '@flotilla/runtime/identity-client';
import { certificateSettings, createServiceCertificate } from '@flotilla/runtime/certificate';

await runApp(
  {
    name: 'pilot',
    describe: 'Turns configuration from the bus into xDS for every proxy.',
    settings: {
      ...commonSettings('127.0.0.2'),
      ...certificateSettings(),
      ...busSettings('pilot'),
      ...pilotSettings(),
      ...jwksSettings(),
      ...installationSettings(),
      ...grpcSettings(),
    },
  },
  (options, { observability, signal, guard }) => {
    const { log } = observability;
    const certificate = createServiceCertificate({ ...options, service: 'pilot', log });
    const subscriber = createSubscriber(options, { certificate, controlPlane: options, log, signal });
    const pilot = createPilot({
      installation: installationIn(options),
      jwksFetchMode: options.jwksFetchMode,
      subscriber,
      reports: { sender: subscriber, instance: hostname() },
      credentials: createCredentialClient({ address: options.citadel, certificate, controlPlane: options, log }),
      identify: createIdentityClient({ address: options.citadel, certificate, controlPlane: options, log }),
      maxCredentials: options.maxCredentials,
      keySets: createKeySetSource({ ...options, observability }),
      limits: options,
      observability,
      signal,
    });
    const xds = xdsPorts(options, {
      pilot,
      certificate,
      after: certificate.first,
      maxMessageBytes: hardRequestLimit(options),
      log,
      guard,
    });
    return {
      runners: [certificate.runner, { name: 'pilot', run: pilot.run }, ...xds.runners],
      pages: pilot.pages,
      ready: { 'the whole configuration': pilot.ready, ...xds.ready },
    };
  },
);
