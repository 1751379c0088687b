import { status, type ServiceError } from '@grpc/grpc-js';
import { Broken, expect } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

/** Expects a call to be refused with one of these codes; what it is told is looked through for secrets. */
export async function refusal(mesh: Mesh, call: Promise<unknown>, codes: readonly status[]): Promise<void> {
  const names = codes.map((code) => status[code]).join(' or ');
  const error = await call.then(
    () => {
      throw new Broken(names, 'success');
    },
    (thrown: ServiceError) => thrown,
  );
  if (error instanceof Broken) throw error;
  mesh.answered(String(error.details));
  expect(names, `${status[error.code]} ${error.details}`, codes.includes(error.code));
}
