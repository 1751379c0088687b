import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Attack, Shape } from '../attack.ts';
import { Heart } from '../mesh/heart.ts';
import { Mesh } from '../mesh/attacked-mesh.ts';
import { Witness } from '../witness/witness.ts';
import { runRow, type Outcome } from './run-row.ts';

export interface SuiteOptions {
  readonly shapes: readonly Shape[];
  readonly seed: number;
  readonly onOutcome: (outcome: Outcome) => void;
  readonly onStart: (shape: Shape, rows: number) => void;
}

/** Runs rows against one started mesh of each shape. Rejects when a mesh can't be started. */
export async function runSuite(
  rows: readonly Attack[],
  { shapes, seed, onOutcome, onStart }: SuiteOptions,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const shape of shapes) {
    const chosen = rows.filter((row) => row.shapes === undefined || row.shapes.includes(shape));
    if (chosen.length === 0) continue;
    onStart(shape, chosen.length);
    await withMesh({ shape, seed }, async (stage) => {
      for (const row of chosen) {
        const outcome = await runRow(row, stage);
        outcomes.push(outcome);
        onOutcome(outcome);
      }
    });
  }
  return outcomes;
}

async function withMesh(
  { shape, seed }: { readonly shape: Shape; readonly seed: number },
  use: (stage: { mesh: Mesh; witness: Witness; heart: Heart }) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-'));
  try {
    const mesh = await Mesh.start({ shape, folder, seed });
    const [witness, heart] = [new Witness(), new Heart(mesh)];
    try {
      witness.order(await mesh.order());
      await heart.beat(20_000);
      await use({ mesh, witness, heart });
    } finally {
      heart.close();
      await witness.close();
      await mesh.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
