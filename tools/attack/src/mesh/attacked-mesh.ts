import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRandom, type Random } from '../random.ts';
import type { KeyAndCertificate } from '@flotilla/pki';
import { startNameServer, type NameServer } from '@flotilla/testing/name-server';
import {
  startControlPlane,
  type AppName,
  type Beside,
  type ControlPlane,
  type Flags,
  type Program,
} from '@flotilla/tool-control-plane';
import type { Service, Shape } from '../attack.ts';
import { AdsStream, nodeOf, type AdsOptions } from '../clients/ads.ts';
import type { Place } from '../clients/sockets.ts';
import { createTokenMint, type TokenMint } from '@flotilla/testing/token-mint';
import {
  podOf,
  post,
  reviewOf,
  type PodOptions,
  type PostOptions,
  type Reply,
  type WebhookPlace,
} from '../clients/webhook.ts';
import { certificateFor, type CaPlace } from '../clients/workload.ts';
import type { Order } from '../witness/orders.ts';
import { emptyFolder, gatewayAccount, writeFolder } from './folder.ts';
import { monitoringPort, placeOf, type Port } from './places.ts';

export interface MeshOptions {
  readonly shape: Shape;
  readonly folder: string;
  readonly seed: number;
  readonly flags?: Partial<Readonly<Record<AppName, Flags>>>;
}
interface Parts {
  readonly hosts: Map<string, () => readonly string[] | 'silent'>;
  readonly nameServer: NameServer;
  readonly controlPlane: ControlPlane;
  readonly tokens: TokenMint;
  readonly keys: readonly string[];
}

/**
 * One started mesh, and what a row needs to attack it. What a row opens is closed after it, what it writes is removed.
 */
export class Mesh {
  readonly shape: Shape;
  readonly folder: string;
  /** The same at each run with the same seed. */
  random: Random;
  readonly tokens: TokenMint;
  readonly controlPlane: ControlPlane;
  readonly roots: string;
  /** What the name server of pilot's key sets answers at each question. */
  readonly hosts: Map<string, () => readonly string[] | 'silent'>;
  readonly #nameServer: NameServer;
  readonly #seed: number;
  readonly #keys: readonly string[];
  readonly #certificates = new Map<string, Promise<KeyAndCertificate>>();
  #closers: (() => unknown)[] = [];
  #answers: string[] = [];

  private constructor({ shape, folder, seed }: MeshOptions, { controlPlane, tokens, keys, hosts, nameServer }: Parts) {
    [this.shape, this.folder, this.#seed] = [shape, folder, seed];
    [this.controlPlane, this.tokens, this.#keys] = [controlPlane, tokens, keys];
    [this.hosts, this.#nameServer] = [hosts, nameServer];
    this.random = createRandom(seed);
    this.roots = readFileSync(join(folder, 'state/root-cert.pem'), 'utf8');
  }

  /** Starts it in an empty folder. Throws when it does not become ready. */
  static async start(options: MeshOptions): Promise<Mesh> {
    const { shape, folder, flags = {} } = options;
    const tokens = await createTokenMint();
    const { config, secrets, keys } = writeFolder(folder);
    writeFileSync(join(folder, 'jwks.json'), tokens.jwks);
    const ca: Flags = {
      'jwks-file': join(folder, 'jwks.json'),
      'secrets-dir': secrets,
      'credential-reader': `shop/${gatewayAccount}`,
    };
    const hosts = new Map<string, () => readonly string[] | 'silent'>();
    const nameServer = await startNameServer((name) => hosts.get(name)?.() ?? []);
    const readers: Flags = {
      'jwks-allowed-addresses': '127.0.0.1/32',
      'jwks-name-servers': nameServer.address,
    };
    const controlPlane = await startControlPlane({
      mode: shape,
      config,
      state: join(folder, 'state'),
      flags: {
        ...flags,
        citadel: { ...ca, ...flags.citadel },
        pilot: { ...readers, ...flags.pilot },
        istiod: { ...ca, ...readers, ...flags.istiod },
      },
    });
    return new Mesh(options, { controlPlane, tokens, keys, hosts, nameServer });
  }

  /** The process of a service; in the monolith always istiod. */
  program(service: Service): Program {
    const found =
      this.controlPlane.programs.find(({ name }) => name === service) ??
      this.controlPlane.programs.find(({ name }) => name === 'istiod');
    if (!found) throw new Error(`there is no ${service}`);
    return found;
  }

  get programs(): readonly Program[] {
    return this.controlPlane.programs;
  }

  /** A second process of a service with flags of its own, not started yet; stopped after the row. */
  beside(service: Service, options: Beside): Program {
    const program = this.controlPlane.beside(this.shape === 'monolith' ? 'istiod' : service, options);
    this.onClose(() => program.kill());
    return program;
  }

  place(port: Port): Place {
    return placeOf(port, this.shape, (service) => this.program(service).address);
  }

  address(port: Port): string {
    const { host, port: number } = this.place(port);
    return `${host}:${number}`;
  }

  /** Where health and metrics of a service are. */
  monitoring(service: Service): Place {
    return { host: this.program(service).address, port: monitoringPort };
  }

  get ca(): CaPlace {
    return {
      address: this.address('ca'),
      roots: this.roots,
      service: this.shape === 'monolith' ? 'istiod' : 'citadel',
    };
  }

  get webhook(): WebhookPlace {
    return {
      ...this.place('webhook'),
      roots: this.roots,
      serverName: this.shape === 'monolith' ? 'istiod.istio-system.svc' : 'istio-sidecar-injector.istio-system.svc',
    };
  }

  /** A workload's certificate, the same at each call. */
  certificate(namespace = 'shop', serviceAccount = 'web'): Promise<KeyAndCertificate> {
    const id = `${namespace}/${serviceAccount}`;
    const known =
      this.#certificates.get(id) ??
      this.tokens.mint({ namespace, serviceAccount }).then((token) => certificateFor(this.ca, token));
    this.#certificates.set(id, known);
    known.catch(() => this.#certificates.delete(id));
    return known;
  }

  /** An ADS stream of a sidecar in `shop`, unless told otherwise. */
  async stream(options: Partial<AdsOptions> & { readonly port?: 'xds' | 'secure-xds' } = {}): Promise<AdsStream> {
    const { port = 'secure-xds' } = options;
    const tls = port === 'xds' ? {} : { certificate: await this.certificate(), server: this.program('pilot').name };
    const stream = new AdsStream({
      address: this.address(port),
      variant: 'delta',
      nodeId: nodeOf('shop'),
      metadata: { NAMESPACE: 'shop' },
      ...tls,
      ...options,
    });
    this.onClose(() => stream.close());
    return stream;
  }

  /** The same with a bearer token instead of a certificate, as Istio's agent connects. */
  streamByToken(bearer: string, options: Partial<AdsOptions> = {}): Promise<AdsStream> {
    return this.stream({ bearer, certificate: { roots: this.roots, key: '', cert: '' }, ...options });
  }

  /** Asks the webhook about a pod. */
  async inject(pod: PodOptions = {}, options: PostOptions = {}): Promise<Reply> {
    return this.post(reviewOf(podOf(pod)), options);
  }

  async post(body: string | Buffer, options: PostOptions = {}): Promise<Reply> {
    const reply = await post(this.webhook, body, options);
    this.answered(reply.body);
    return reply;
  }

  /** A page of a service's monitoring port. */
  async page(service: Service, path: string): Promise<string> {
    const { host, port } = this.monitoring(service);
    const answer = await fetch(`http://${host}:${port}${path}`, {
      signal: AbortSignal.timeout(10_000),
      headers: { connection: 'close' },
    });
    return answer.text();
  }

  /** Where rows write configuration. */
  get configFolder(): string {
    return join(this.folder, 'config/rows');
  }

  /** Puts a file of configuration in place, whole. */
  write(name: string, content: string | Uint8Array): void {
    const path = join(this.configFolder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(join(this.folder, 'draft'), content);
    renameSync(join(this.folder, 'draft'), path);
  }

  remove(name: string): void {
    rmSync(join(this.configFolder, name), { recursive: true, force: true });
  }

  /** Something that is no part of the mesh has been told this by it: it is looked through for secrets. */
  answered(text: string): void {
    this.#answers.push(text);
  }

  onClose(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** Begins a row: chance starts again from the seed. */
  begin(): void {
    this.random = createRandom(this.#seed);
  }

  /** Ends a row: closes what it has opened, removes what it has written; returns what it was told. */
  async end(): Promise<readonly string[]> {
    const [closers, answers] = [this.#closers, this.#answers];
    [this.#closers, this.#answers] = [[], []];
    for (const close of closers.reverse())
      await Promise.resolve()
        .then(close)
        .catch(() => {});
    emptyFolder(this.configFolder);
    this.hosts.clear();
    return answers;
  }

  /** What nobody outside may ever be told. */
  secrets(): readonly string[] {
    const texts = ['root.pem', 'tokens.json', 'key.pem']
      .map((name) => join(this.folder, 'state', name))
      .flatMap((path) => {
        try {
          return [readFileSync(path, 'utf8')];
        } catch {
          return [];
        }
      });
    const keyLines = [...this.#keys, ...texts].flatMap((text) =>
      [...text.matchAll(/-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----\s{1,4}(\S{40,})/g)].map(([, line = '']) => line),
    );
    const tokens = texts.flatMap((text) => [...text.matchAll(/": ?"([^"]{30,})"/g)].map(([, token = '']) => token));
    return [...keyLines, ...tokens];
  }

  /** Whom to watch now, and who plays the innocent. */
  async order(): Promise<Order> {
    const name = (service: Service): string => this.program(service).name;
    return {
      watched: this.programs.map((program) => ({
        name: program.name,
        address: program.address,
        pid: program.pid,
        isNats: program.name === 'nats',
      })),
      clients: {
        sidecar: { address: this.address('secure-xds'), certificate: await this.certificate(), server: name('pilot') },
        workload: {
          ca: this.ca,
          token: await this.tokens.mint({ serviceAccount: 'witness' }),
          server: name('citadel'),
        },
        apiServer: { webhook: this.webhook, server: name('sidecar-injector') },
      },
    };
  }

  async stop(): Promise<void> {
    await this.end();
    await this.controlPlane.stop();
    this.#nameServer.close();
  }
}
