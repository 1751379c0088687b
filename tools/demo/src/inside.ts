import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { messageOf } from '@flotilla/std';
import { copyShop } from './control-plane.ts';
import { countAnswers, probeTargets } from './explore.ts';
import { startMesh, type Mesh } from './demo-mesh.ts';
import { ChangeReport } from './kept/change-report.ts';
import { serveControl } from './kept/control-server.ts';
import type { DemoOptions } from './options.ts';
import { createProblemLog, followProblems, type ProblemLog } from './problem-log.ts';
import { runScenario, type Report } from './scenario.ts';
import { createScreen, type Screen } from './screen.ts';
import { describeFailure, findFailures } from './traffic/failures.ts';
import { comparePeers, isVerified } from './traffic/peers.ts';

/** The sockets by which the outside reaches the gateway; in the folder of the run. */
export const gatewaySockets = { http: 'gateway.sock', https: 'gateway-tls.sock' } as const;
/** Where the gateway's pod listens for its ports 80 and 443. */
const gatewayPorts = { http: 8080, https: 8443 } as const;

/**
 * The demo within its node. Resolves with the exit code: 0 when all went as it should, 3 when something that was given
 * is not in force, 1 otherwise.
 */
export async function runInside(
  options: DemoOptions,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<number> {
  const screen = createScreen(options.json ? process.stderr : process.stdout);
  const mode = options.monolith ? 'monolith' : 'fleet';
  const began = Date.now();
  const isShop = options.config.length === 0;
  screen.say(
    `  Starting the control plane as ${mode === 'fleet' ? 'galley, pilot, citadel, sidecar-injector and nats-server' : 'istiod in one process'}, and the pods of ${isShop ? 'the shop' : options.config.join(', ')} ...`,
  );
  let mesh: Mesh | undefined;
  const log = createProblemLog((line) => screen.say(line));
  try {
    mesh = await startMesh({
      mode,
      config: isShop ? [copyShop(folder)] : options.config,
      folder,
      signal,
      tell: (message) => screen.say(`  ${message}`),
    });
    screen.say(
      `  ${mesh.cluster.pods.size} pods are ready after ${((Date.now() - began) / 1000).toFixed(1)} s, ${mesh.proxies.length} of them with an Envoy.\n`,
    );
    const context = { mode, screen, log, signal } as const;
    const { report, asked } = !options.tour
      ? { report: await reportWithoutTour(mesh, mode), asked: isShop ? shopTarget : undefined }
      : isShop
        ? { report: await runScenario(mesh, context), asked: shopTarget }
        : await runConfig(mesh, context);
    log.update(await mesh.problems());
    const wrong = faultsOf(report);
    if (options.tour) summarize(report, wrong, screen);
    if (report.errors > 0) explainFailures(mesh, screen);
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    if (options.keep && !signal.aborted) await keep(mesh, { options, folder, asked, screen, log, signal });
    return wrong.length > 0 ? 1 : report.not_in_force.length > 0 ? notInForce : 0;
  } catch (thrown) {
    if (signal.aborted) return 130;
    screen.say(`\n  The demo failed: ${messageOf(thrown)}`);
    return 1;
  } finally {
    screen.end();
    await mesh?.close();
  }
}

/** Exit code for configuration that is not in force, so that a pipeline sees it. */
const notInForce = 3;

type AnyReport = Omit<Report, 'split' | 'propagation_ms' | 'traffic_survived_galley_stop' | 'mtls_verified'> & {
  readonly [K in 'split' | 'propagation_ms' | 'traffic_survived_galley_stop' | 'mtls_verified']: Report[K] | null;
};

/** A request that the gateway serves. */
interface Asked {
  readonly host?: string;
  readonly path: string;
}
const shopTarget: Asked = { host: 'shop.example.com', path: '/' };

interface ConfigRun {
  readonly mode: Report['mode'];
  readonly screen: Screen;
  readonly log: ProblemLog;
  readonly signal: AbortSignal;
}

/** Any other mesh: sends requests for what its gateways serve, for a few seconds. Anything not measured is null. */
async function runConfig(
  mesh: Mesh,
  { mode, screen, log, signal }: ConfigRun,
): Promise<{ readonly report: AnyReport; readonly asked: Asked | undefined }> {
  const problems = await mesh.problems();
  log.update(problems);
  const answers = await probeTargets(mesh, { seconds: 5, perSecond: 10, signal });
  if (answers.size === 0)
    screen.say('  No VirtualService is bound to a gateway over plain HTTP: there is nothing to request from outside.');
  for (const [{ name }, samples] of answers)
    screen.say(`  ${name}: ${[...countAnswers(samples)].map(([who, count]) => `${count} × ${who}`).join(', ')}`);
  const samples = [...answers.values()].flat();
  const peers = comparePeers(mesh.proxies);
  const report: AnyReport = {
    ...(await reportWithoutTour(mesh, mode)),
    requests: samples.length,
    errors: samples.filter(({ status }) => status === 0 || status >= 500).length,
    mtls_verified: peers.pairs === 0 ? null : isVerified(peers),
  };
  const [served] = [...answers]
    .filter(([{ port }, given]) => port === gatewayPorts.http && given.some(({ status }) => status === 200))
    .map(([target]) => target);
  return {
    report,
    asked: served && { path: served.path, ...(served.host === mesh.gateway.ip ? {} : { host: served.host }) },
  };
}

/** The report on a mesh without traffic. */
const reportWithoutTour = async (mesh: Mesh, mode: Report['mode']): Promise<AnyReport> => ({
  mode,
  pods: mesh.cluster.pods.size,
  envoys: mesh.proxies.length,
  requests: 0,
  errors: 0,
  mtls_verified: null,
  split: null,
  propagation_ms: null,
  traffic_survived_galley_stop: null,
  nacks: await mesh.metric('pilot_total_xds_rejects'),
  not_in_force: (await mesh.problems()).filter(({ isInForce }) => !isInForce).map(({ text }) => text),
});

/** What did not go as it should, as sentences. */
function faultsOf({
  errors,
  nacks,
  mtls_verified: verified,
  traffic_survived_galley_stop: survived,
}: AnyReport): string[] {
  const checks: readonly (readonly [boolean, string])[] = [
    [errors > 0, `${errors} requests failed`],
    [nacks > 0, `Envoys refused ${nacks} responses`],
    [verified === false, 'not every hop showed both sides the identity of the other'],
    [survived === false, 'traffic did not survive the stop of galley'],
  ];
  return checks.filter(([isWrong]) => isWrong).map(([, sentence]) => sentence);
}

function summarize(report: AnyReport, wrong: readonly string[], screen: Screen): void {
  const { mode, pods, envoys, requests, errors, propagation_ms: propagation, mtls_verified: verified, nacks } = report;
  screen.say(
    `\n  ${mode}: ${pods} pods, ${envoys} Envoys, ${requests} requests, ${errors} errors, ${nacks} responses refused${verified ? ', every hop with mTLS, identities seen by both sides' : ''}`,
  );
  if (propagation)
    screen.say(
      `  a changed file was acknowledged by an Envoy after ${propagation.p50} ms (median), ${propagation.max} ms at most`,
    );
  for (const sentence of wrong) screen.say(`  Unexpected: ${sentence}`);
  const count = report.not_in_force.length;
  if (count > 0)
    screen.say(
      `  Not in force: what ${count === 1 ? 'the problem above names' : `${count} of the problems above name`}; the demo ends with exit code ${wrong.length > 0 ? 1 : notInForce}`,
    );
}

const shownFailures = 5;

/** Why requests failed, in Envoy's words: status, response flags, details, and where. */
function explainFailures(mesh: Mesh, screen: Screen): void {
  const failures = findFailures(mesh.proxies);
  for (const failure of failures.slice(0, shownFailures)) screen.say(`  ${describeFailure(failure)}`);
  if (failures.length > shownFailures)
    screen.say(`  and ${failures.length - shownFailures} more kinds of failures: see the access logs`);
}

interface KeepOptions {
  readonly options: DemoOptions;
  readonly folder: string;
  readonly asked: Asked | undefined;
  readonly screen: Screen;
  readonly log: ProblemLog;
  readonly signal: AbortSignal;
}

/**
 * Keeps the mesh running until Ctrl-C, with its gateway and pods reachable from outside. Reports when each edit is in
 * force, what is wrong with it, and which pods become ready.
 */
async function keep(mesh: Mesh, { options, folder, asked, screen, log, signal }: KeepOptions): Promise<void> {
  const servers = [
    await serveGateway(mesh, { port: gatewayPorts.http, socket: join(folder, gatewaySockets.http) }),
    await serveGateway(mesh, { port: gatewayPorts.https, socket: join(folder, gatewaySockets.https) }),
  ];
  const closeControl = await serveControl(mesh.cluster, folder);
  const { pods } = mesh.cluster;
  const example = [...pods.values()].find(({ object }) => object.metadata.namespace !== 'istio-system') ?? mesh.gateway;
  const name = `${example.object.metadata.namespace}/${example.object.metadata.name}`;
  const host = asked?.host ? `-H 'Host: ${asked.host}' ` : '';
  screen.say(`
  The mesh goes on until Ctrl-C. Try, in another terminal:
    curl ${host}http://127.0.0.1:${options.port}${asked?.path ?? '/'}
        traffic through the gateway; its HTTPS is at 127.0.0.1:${options.httpsPort}
    edit ${mesh.config.join(' or ')}
        the mesh follows; new Deployments get pods; what becomes of an edit is shown here
    npm run demo -- ps
        the pods; and logs POD, proxy POD clusters, exec POD -- COMMAND, as in
    npm run demo -- proxy ${name} config_dump
`);
  const report = new ChangeReport({
    nameOf: (path) => mesh.givenName(path),
    say: (line) => screen.say(line),
  });
  mesh.traces.follow((span) => report.take(span));
  mesh.cluster.onReadiness((pod, isReady) => screen.say(`  pod ${pod} is ${isReady ? 'ready' : 'not ready'}`));
  await followProblems(log, { problems: () => mesh.problems(), signal });
  for (const server of servers) server.close();
  closeControl();
}

/** Forwards connections on a socket to a port of the gateway's pod. */
async function serveGateway(
  mesh: Mesh,
  { port, socket: path }: { readonly port: number; readonly socket: string },
): Promise<Server> {
  const server = createServer((socket) => {
    const gateway = connect({ host: mesh.gateway.ip, port });
    for (const [from, to] of [
      [socket, gateway],
      [gateway, socket],
    ] as const)
      from.on('error', () => to.destroy()).pipe(to);
  }).listen(path);
  await once(server, 'listening');
  return server;
}
