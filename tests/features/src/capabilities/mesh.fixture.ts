import { onTestFinished } from 'vitest';
import { parseDocuments } from '@flotilla/galley-file-source';
import { FilePipeline } from '@flotilla/galley-pipeline';
import { typeUrls } from '@flotilla/pilot-xds';
import type { Json } from '@flotilla/proto-gen/json';
import { openPilot } from '../secrets.fixture.ts';
import type { Caller, Stream } from '../proxy-stream.fixture.ts';

type Kind = 'cds' | 'eds' | 'lds' | 'rds' | 'nds';
/** JSON of a message, as far as a test looks into it. */
export type Message = { readonly [field: string]: Json | undefined };
const isMessage = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A Service with the pod behind it. */
export const workload = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.8.0.1, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [], serviceAccountName: web}
status: {podIP: 10.0.0.1, phase: Running}
---`;

export interface MeshOptions {
  /** YAML, as a user writes it. */
  readonly config: string;
  readonly proxy: Caller;
  /** Names of the load assignments and route configurations that the proxy asks for. */
  readonly eds?: readonly string[];
  readonly rds?: readonly string[];
  /** `NAMESPACE/ACCOUNT` of the service accounts that may have Secrets. */
  readonly readers?: readonly string[];
}

/** One proxy on a real stream of pilot, whose configuration went through galley's pipeline and the bus. */
export class Mesh {
  readonly #rig: Awaited<ReturnType<typeof openPilot>>;
  readonly #pipeline = new FilePipeline('test');
  readonly proxy: Stream;
  #steps = 0;

  private constructor(rig: Awaited<ReturnType<typeof openPilot>>, proxy: Stream) {
    this.#rig = rig;
    this.proxy = proxy;
  }

  /** Resolves when the proxy has everything that follows from the configuration. The mesh ends with the test. */
  static async open({ config, proxy, eds = [], rds = [], readers = [] }: MeshOptions): Promise<Mesh> {
    const rig = await openPilot({ readers });
    onTestFinished(rig.close);
    const stream = await rig.connect(proxy);
    stream.ask(typeUrls.lds, []);
    stream.ask(typeUrls.nds, []);
    if (eds.length > 0) stream.ask(typeUrls.eds, eds);
    if (rds.length > 0) stream.ask(typeUrls.rds, rds);
    await stream.roundTrip();
    const mesh = new Mesh(rig, stream);
    await mesh.write(config);
    return mesh;
  }

  /**
   * Replaces the configuration: what it no longer contains is gone. Resolves when the proxy has everything that
   * follows, which it knows by the cluster of a service that belongs to the same batch. Throws when galley reports an
   * error.
   */
  async write(config: string): Promise<void> {
    this.#steps += 1;
    const host = `step-${this.#steps}.test`;
    const batch = this.#pipeline.apply([
      { path: 'mesh.yaml', documents: documentsOf(config) },
      { path: 'step.yaml', documents: documentsOf(stepOf(host)) },
    ]);
    const errors = this.#pipeline.problems.filter(({ level }) => level === 'error');
    if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
    const { put, delete: gone } = batch;
    await this.#rig.publish({ put, delete: gone });
    await this.proxy.has(typeUrls.cds, `outbound|9||${host}`);
    await this.proxy.roundTrip();
  }

  /** A resource that the proxy has; undefined without one. */
  get(kind: Kind, name = ''): Message | undefined {
    const found = this.proxy.resource(typeUrls[kind], name);
    return isMessage(found) ? found : undefined;
  }

  /** The virtual host of a route configuration that answers a domain. */
  virtualHost(routes: string, domain: string): Message | undefined {
    const hosts = (this.get('rds', routes)?.['virtualHosts'] ?? []) as readonly Message[];
    return hosts.find(({ domains }) => Array.isArray(domains) && domains.includes(domain));
  }

  /** `address:port` of each endpoint of a load assignment, in order. */
  endpoints(cluster: string): readonly string[] {
    return messagesIn(this.get('eds', cluster), 'socketAddress').map(
      ({ address, portValue }) => `${String(address)}:${String(portValue)}`,
    );
  }

  /** Names of the HTTP filters of a listener, each once, in order. */
  httpFilters(listener: string): readonly string[] {
    const names = messagesIn(this.get('lds', listener), 'httpFilters').map(({ name }) => String(name));
    return [...new Set(names)];
  }
}

/** The documents of a file, as galley's source of files reads them. */
function documentsOf(config: string) {
  const parsed = parseDocuments(Buffer.from(config));
  if (!('documents' in parsed)) throw new Error(parsed.problem.message);
  return parsed.documents;
}

/** A service that affects nothing else, in a namespace of its own. */
const stepOf = (host: string): string => `
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: step, namespace: steps}
spec: {hosts: [${host}], ports: [{number: 9, name: http, protocol: HTTP}], resolution: STATIC}
`;

/** All messages in a field of this name, wherever it is. */
export function messagesIn(json: Json | Message | undefined, field: string): readonly Message[] {
  if (Array.isArray(json)) return json.flatMap((item) => messagesIn(item, field));
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([name, value]) => [
    ...(name === field ? [value].flat().filter(isMessage) : []),
    ...messagesIn(value, field),
  ]);
}
