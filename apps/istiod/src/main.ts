import { createInProcessBus } from '@flotilla/bus-in-process';
import { createGalley } from '@flotilla/galley-service';
import { createFileSource } from '@flotilla/galley-sources';
import { createLogger, createMetrics, parseLogLevels } from '@flotilla/observability';
import { noObservability } from '@flotilla/observability-port';
import { createPilot } from '@flotilla/pilot-service';
import { explain, runAll, serveMonitoring } from '@flotilla/runtime';
import { parseOptions } from './options.ts';

/** The services of the fleet in one process, on the in-process bus. */
const options = parseOptions(process.argv.slice(2));
const metrics = createMetrics();
const observability = { ...noObservability, log: createLogger('istiod', parseLogLevels(options.logOutputLevel)), metrics };
const bus = createInProcessBus();
let ready = false;

async function main(signal: AbortSignal): Promise<void> {
  const pilot = createPilot({ subscriber: bus, observability, signal });
  const galley = createGalley({ source: createFileSource(options.configDir), publisher: bus, observability, signal });
  const monitoring = await serveMonitoring({ address: options.bind, port: options.monitoringPort, ready: () => ready, metrics: async () => ({ text: await metrics.text(), contentType: metrics.contentType }) });
  const serving = pilot.ready.then(async () => {
    const port = await pilot.server.listen(`${options.bind}:${options.grpcPort}`);
    ready = true;
    observability.log.info('serving', { xds: `${options.bind}:${port}`, monitoring: `${options.bind}:${options.monitoringPort}`, config: options.configDir });
  });
  try {
    await Promise.all([galley.run(), pilot.run(), serving]);
  } finally {
    monitoring.close();
    await pilot.server.close();
  }
}

try {
  process.exit(await runAll([{ name: 'istiod', run: main }]));
} catch (thrown) {
  console.error(`istiod: ${explain(thrown)}`);
  process.exit(2);
}
