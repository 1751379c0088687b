import { createNatsServer, natsServerSettings } from '@flotilla/bus-nats-server';
import { commonSettings, runApp } from '@flotilla/runtime';
import { certificateSettings, createServiceCertificate } from '@flotilla/runtime/certificate';

await runApp(
  {
    name: 'nats',
    describe: "The bus between processes: nats-server with a certificate from citadel and the fleet's users.",
    settings: { ...commonSettings('127.0.0.1'), ...certificateSettings(), ...natsServerSettings() },
  },
  (options, { observability: { log } }) => {
    const certificate = createServiceCertificate({ ...options, service: 'nats', log });
    const server = createNatsServer({ ...options, controlPlane: options, certificate, log });
    return {
      runners: [certificate.runner, server.runner],
      ready: { 'nats-server': server.ready },
      stopWithinMs: server.stopWithinMs,
    };
  },
);
