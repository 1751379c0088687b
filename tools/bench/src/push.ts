import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { startControlPlane } from '@flotilla/tool-control-plane';
import { endsWithThis } from './child.ts';
import { writeMesh } from './folder.ts';
import { Mesh, type MeshSize } from './bench-mesh.ts';
import type { LoadOrder, LoadResult, Mode, PushResult, Variant } from './result.ts';

export interface PushOptions {
  readonly mode: Mode;
  readonly variant: Variant;
  readonly sidecars: number;
  readonly changes: number;
  readonly mesh: MeshSize;
}

/**
 * Starts a control plane, lets sidecars of a process of its own connect and changes reach them, stops it. Throws what
 * hinders it.
 */
export async function measurePush({ mode, variant, sidecars, changes, mesh }: PushOptions): Promise<PushResult> {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-'));
  try {
    const config = join(folder, 'mesh');
    writeMesh(config, new Mesh(mesh).files());
    const controlPlane = await startControlPlane({
      mode,
      config,
      state: join(folder, 'state'),
      without: ['sidecar-injector'],
    });
    try {
      const { address, pids } = controlPlane;
      return {
        mode,
        variant,
        sidecars,
        ...(await runLoad({ address, variant, sidecars, changes, mesh, folder: config, pids })),
      };
    } finally {
      await controlPlane.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As the services do themselves (libs/runtime/src/memory.ts): the sidecars' own garbage is not what is measured. */
const clientFlags = ['--external-memory-accounted-in-global-limit'];

async function runLoad(order: LoadOrder): Promise<LoadResult> {
  const child = endsWithThis(
    spawn(process.execPath, [...clientFlags, resolve(import.meta.dirname, 'load/main.ts'), JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const [result, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null]>]);
  if (code !== 0) throw new Error(`the process that plays the sidecars ended with exit code ${code}`);
  return JSON.parse(result) as LoadResult;
}
