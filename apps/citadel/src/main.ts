import { createCitadel, createFileRootStore } from '@flotilla/citadel-service';
import { createLogger, createMetrics, parseLogLevels } from '@flotilla/observability';
import { noObservability } from '@flotilla/observability-port';
import { explain, runAll, serveMonitoring } from '@flotilla/runtime';
import { parseOptions } from './options.ts';

/** The certificate authority as a process of its own. */
const options = parseOptions(process.argv.slice(2));

async function main(signal: AbortSignal): Promise<void> {
  const metrics = createMetrics();
  const observability = { ...noObservability, log: createLogger('citadel', parseLogLevels(options.logOutputLevel)), metrics };
  let ready = false;
  const monitoring = await serveMonitoring({ address: options.bind, port: options.monitoringPort, ready: () => ready, metrics: async () => ({ text: await metrics.text(), contentType: metrics.contentType }) });
  try {
    const citadel = await createCitadel({
      trustDomain: options.trustDomain, root: createFileRootStore(options.rootFile), rootCertOut: options.rootCertOut,
      defaultTtlMs: options.defaultCertTtl, maxTtlMs: options.maxCertTtl, dnsNames: options.dnsName,
      bootstrapTokensFile: options.bootstrapTokensFile, observability,
      ...(options.jwksFile ? { jwt: { issuer: options.jwtIssuer, audience: options.jwtAudience, jwksFile: options.jwksFile } } : {}),
    });
    try {
      const port = await citadel.listen(`${options.bind}:${options.grpcPort}`);
      ready = true;
      observability.log.info('serving', { ca: `${options.bind}:${port}`, monitoring: `${options.bind}:${options.monitoringPort}`, root: options.rootFile });
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    } finally {
      ready = false;
      await citadel.close();
    }
  } finally {
    monitoring.close();
  }
}

try {
  process.exit(await runAll([{ name: 'citadel', run: main }]));
} catch (thrown) {
  console.error(`citadel: ${explain(thrown)}`);
  process.exit(2);
}
