import { setTimeout as pause } from 'node:timers/promises';
import { writeMeshFile } from '../folder.ts';
import { Mesh, type MeshFile } from '../bench-mesh.ts';
import {
  kinds,
  quantile,
  types,
  type ChangeResult,
  type ConnectResult,
  type Kind,
  type LoadOrder,
  type LoadResult,
  type XdsType,
} from '../result.ts';
import { usageOf } from '../usage.ts';
import type { Response } from './responses.ts';
import { Sidecar } from './sidecar.ts';

/** Quiet after connecting, and between changes. */
const settleMs = 2000;
const gapMs = 300;
const connectLimitMs = 120_000;
const changeLimitMs = 20_000;

/** One change under way: who has seen its mark, and when. */
interface Watching {
  readonly type: XdsType;
  readonly mark: Buffer;
  readonly seenAt: Map<number, number>;
  readonly all: () => void;
}
interface Traffic {
  bytes: number;
  readonly responses: Record<XdsType, number>;
}

/** A fresh mark: nothing else in the mesh holds it. */
const fresh = (k: number): string => `m${k}x${Date.now().toString(36)}x`;

/** The file that a change replaces, and how it shows in what a sidecar is sent. */
function changeOf(
  mesh: Mesh,
  kind: Kind,
  k: number,
): { readonly file: MeshFile; readonly type: XdsType; readonly mark: string } {
  const { services, everyRoute } = mesh.size;
  const i = ((k * everyRoute) % services) - (((k * everyRoute) % services) % everyRoute);
  switch (kind) {
    case 'route': {
      const mark = fresh(k);
      return { file: mesh.route(i, mark), type: 'rds', mark };
    }
    case 'service': {
      const name = fresh(k);
      return { file: mesh.entry(k, { name }), type: 'cds', mark: name };
    }
    case 'endpoint': {
      const moves = 1 + (Date.now() % 199);
      return { file: mesh.entry(i, { moves }), type: 'eds', mark: mesh.endpoint(i, moves) };
    }
  }
}

export class Load {
  readonly #order: LoadOrder;
  readonly #mesh: Mesh;
  readonly #sidecars: Sidecar[] = [];
  readonly #tell: (progress: string) => void;
  #traffic = this.#noTraffic();
  #watching: Watching | undefined;
  #broken = 0;

  constructor(order: LoadOrder, tell: (progress: string) => void) {
    this.#order = order;
    this.#mesh = new Mesh(order.mesh);
    this.#tell = tell;
  }

  /** Connects all sidecars, makes all changes, disconnects. Throws when they are not configured in time. */
  async run(): Promise<LoadResult> {
    try {
      const connect = await this.#connect();
      this.#tell(`${this.#order.sidecars} sidecars configured in ${connect.seconds.toFixed(2)} s`);
      await pause(settleMs);
      const changes = {} as Record<Kind, ChangeResult>;
      for (const kind of kinds) {
        changes[kind] = await this.#change(kind);
        this.#tell(`${kind}: p50 ${changes[kind].p50Ms.toFixed(1)} ms, ${changes[kind].cpuMs.toFixed(0)} CPU ms`);
      }
      return { connect, changes, brokenStreams: this.#broken };
    } finally {
      for (const sidecar of this.#sidecars) sidecar.close();
    }
  }

  #noTraffic(): Traffic {
    return { bytes: 0, responses: { cds: 0, eds: 0, lds: 0, rds: 0 } };
  }

  async #connect(): Promise<ConnectResult> {
    const { address, variant, sidecars, pids } = this.#order;
    const before = usageOf(pids);
    const start = performance.now();
    const configured = Array.from(
      { length: sidecars },
      (_, i) =>
        new Promise<void>((resolve) => {
          const missing = new Set<XdsType>(types);
          this.#sidecars.push(
            new Sidecar({
              address,
              variant,
              node: this.#mesh.node(i),
              onBroken: (error) => {
                this.#broken += 1;
                if (this.#broken === 1) this.#tell(`a stream broke: ${error.message}`);
              },
              onResponse: (response, bytes) => {
                if (missing.delete(response.type) && missing.size === 0) resolve();
                this.#note(i, response, bytes);
              },
            }),
          );
        }),
    );
    const limit = new AbortController();
    const inTime = await Promise.race([
      Promise.all(configured).then(() => true),
      pause(connectLimitMs, false, { signal: limit.signal }).catch(() => false),
    ]);
    limit.abort();
    if (!inTime) throw new Error(`not all ${sidecars} sidecars were configured within ${connectLimitMs / 1000} s`);
    const seconds = (performance.now() - start) / 1000;
    const after = usageOf(pids);
    return { seconds, cpuMs: after.cpuMs - before.cpuMs, rssMb: after.rssMb, megabytes: this.#traffic.bytes / 1e6 };
  }

  #note(sidecar: number, { type, resources }: Response, bytes: number): void {
    this.#traffic.bytes += bytes;
    this.#traffic.responses[type] += 1;
    const watching = this.#watching;
    if (
      watching?.type !== type ||
      watching.seenAt.has(sidecar) ||
      !resources.some((resource) => resource.bytes.includes(watching.mark))
    )
      return;
    watching.seenAt.set(sidecar, performance.now());
    if (watching.seenAt.size === this.#order.sidecars) watching.all();
  }

  async #change(kind: Kind): Promise<ChangeResult> {
    const { changes, sidecars, folder, pids } = this.#order;
    const before = usageOf(pids);
    this.#traffic = this.#noTraffic();
    const [latencies, last]: [number[], number[]] = [[], []];
    let missed = 0;
    for (let k = 0; k < changes; k += 1) {
      const { file, type, mark } = changeOf(this.#mesh, kind, k);
      const { promise, resolve } = Promise.withResolvers<null>();
      const watching: Watching = { type, mark: Buffer.from(mark), seenAt: new Map(), all: () => resolve(null) };
      this.#watching = watching;
      const start = performance.now();
      writeMeshFile(folder, file);
      const limit = new AbortController();
      await Promise.race([promise, pause(changeLimitMs, null, { signal: limit.signal }).catch(() => null)]);
      limit.abort();
      const own = [...watching.seenAt.values()].map((at) => at - start);
      latencies.push(...own);
      if (own.length > 0) last.push(Math.max(...own));
      missed += sidecars - own.length;
      await pause(gapMs);
    }
    const after = usageOf(pids);
    return {
      changes,
      missed,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
      lastP50Ms: quantile(last, 0.5),
      cpuMs: (after.cpuMs - before.cpuMs) / changes,
      rssMb: after.rssMb,
      kilobytes: this.#traffic.bytes / 1000 / changes,
      responses: { ...this.#traffic.responses },
    };
  }
}
