import { setTimeout as pause } from 'node:timers/promises';
import type { KubeObject } from './cluster/objects.ts';
import type { Mesh } from './demo-mesh.ts';
import { startLoad, type Sample, type Target } from './traffic/load.ts';

interface VirtualService {
  readonly hosts?: readonly string[];
  readonly gateways?: readonly string[];
  readonly http?: readonly {
    readonly match?: readonly { readonly uri?: { readonly exact?: string; readonly prefix?: string } }[];
  }[];
}
interface Gateway {
  readonly servers?: readonly {
    readonly port?: { readonly number?: number; readonly protocol?: string };
    readonly hosts?: readonly string[];
  }[];
}

/** Ports of the gateway's Service and where its pod listens for them. */
const targetPorts: Readonly<Record<number, number>> = { 80: 8080, 443: 8443 };
const maxTargets = 8;
export type NamedTarget = Target & { readonly name: string };

/**
 * What can be asked for from outside: the first path of each rule of each VirtualService that a gateway serves over
 * plain HTTP.
 */
function findTargets(objects: readonly KubeObject[], ip: string): NamedTarget[] {
  const ports = new Map(
    objects
      .filter(({ kind }) => kind === 'Gateway')
      .flatMap(({ metadata, spec }) => {
        const server = ((spec ?? {}) as Gateway).servers?.find(({ port }) => /^HTTP2?$/i.test(port?.protocol ?? ''));
        const number = server?.port?.number;
        return number === undefined ? [] : [[metadata.name, targetPorts[number] ?? number] as const];
      }),
  );
  return objects
    .filter(({ kind }) => kind === 'VirtualService')
    .flatMap((object) => {
      const { hosts = [], gateways = [], http = [] } = (object.spec ?? {}) as VirtualService;
      const port = gateways
        .map((gateway) => ports.get(gateway.split('/').at(-1) ?? ''))
        .find((found) => found !== undefined);
      if (port === undefined) return [];
      const host = (hosts[0] ?? '*').replace(/^\*\./, 'any.').replace(/^\*$/, ip);
      return http.flatMap(({ match }) => {
        const uri = match?.map((one) => one.uri?.exact ?? one.uri?.prefix).find((found) => found !== undefined);
        return match && uri === undefined
          ? []
          : [{ ip, port, host, path: uri ?? '/', name: `${host === ip ? '' : host}${uri ?? '/'}` }];
      });
    })
    .slice(0, maxTargets);
}

/** Asks each target for a while; returns what came back, by target. */
export async function probeTargets(
  mesh: Mesh,
  {
    seconds,
    perSecond,
    signal,
  }: { readonly seconds: number; readonly perSecond: number; readonly signal: AbortSignal },
): Promise<ReadonlyMap<NamedTarget, readonly Sample[]>> {
  const samples = new Map<NamedTarget, Sample[]>();
  const loads = findTargets(mesh.cluster.objects, mesh.gateway.ip).map((target) => {
    const own: Sample[] = [];
    samples.set(target, own);
    return startLoad(target, perSecond, (sample) => own.push(sample));
  });
  await pause(loads.length > 0 ? seconds * 1000 : 0, undefined, { signal }).catch(() => {});
  await Promise.all(loads.map((load) => load.stop()));
  return samples;
}

/** Who answered: the name and version of each answer that has them, counted; other answers by their status. */
export function countAnswers(samples: readonly Sample[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { status, body } of samples) {
    const who = status === 200 ? nameIn(body) : `status ${status}`;
    counts.set(who, (counts.get(who) ?? 0) + 1);
  }
  return counts;
}

function nameIn(body: string): string {
  try {
    const { app, name, version } = JSON.parse(body) as { app?: string; name?: string; version?: string };
    return [app ?? name, version].filter((part) => part).join(' ') || 'status 200';
  } catch {
    return 'status 200';
  }
}
