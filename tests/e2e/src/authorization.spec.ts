import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canRun, http2From, openMesh, requestFrom, until, type Rig } from './rig.ts';

/**
 * Stock Envoys on both sides: the client's must say by ALPN that it speaks HTTP, or the server's takes it for plain
 * bytes, which no HTTP rule can allow.
 */
describe.skipIf(!canRun)('an AuthorizationPolicy about HTTP', () => {
  let rig: Rig;
  const client = () => rig.mesh.cluster.pod('lab', 'client');
  const server = () => rig.mesh.cluster.pod('lab', 'server');
  const ask = async (path: string, { port = 9000, method = 'GET', from = client() } = {}): Promise<number> =>
    (await requestFrom(from, `http://${port === 9000 ? 'server' : server().ip}:${port}${path}`, method)).status;

  beforeAll(async () => {
    rig = await openMesh([join(import.meta.dirname, 'testdata/authorization.yaml')]);
    await until(
      'the policy',
      () => ask('/open'),
      (status) => status === 200,
    );
  }, 90_000);
  afterAll(() => rig?.close(), 30_000);

  it('allows what it names on a port of undeclared protocol, and nothing else', async () => {
    expect([await ask('/open/a'), await ask('/closed'), await ask('/open', { method: 'POST' })]).toEqual([
      200, 403, 403,
    ]);
  });

  it('knows HTTP/2 by its own protocol name, on declared and undeclared ports', async () => {
    const [declared, undeclared] = [
      await http2From(client(), 'http://rpc:9002/open'),
      await http2From(client(), 'http://server:9000/open'),
    ];
    for (const { status, body } of [declared, undeclared])
      expect([status, body]).toEqual([200, expect.stringContaining('"protocol":"HTTP/2.0"')]);
    expect((await http2From(client(), 'http://rpc:9002/closed')).status).toBe(403);
  });

  it('holds on a port that no Service declares', async () => {
    expect([await ask('/public', { port: 9001 }), await ask('/open', { port: 9001 })]).toEqual([200, 403]);
  });

  it('knows a pod without a proxy as nobody', async () => {
    const stranger = rig.mesh.cluster.pod('lab', 'stranger');
    expect([await ask('/open', { from: stranger }), await ask('/public', { from: stranger, port: 9001 })]).toEqual([
      403, 200,
    ]);
  });
});
