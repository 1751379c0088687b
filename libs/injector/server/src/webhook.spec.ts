import { request } from 'node:https';
import { noObservability } from '@flotilla/observability-port';
import { createCertificateSource } from '@flotilla/pki';
import type { HttpServer } from '@flotilla/server';
import { createTestCa } from '@flotilla/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhook, parsePathEnv } from './webhook.ts';

let server: HttpServer;
let proxyEnv: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  const webhook = createWebhook({
    decide: (pod, request) => {
      ({ proxyEnv } = request);
      return pod.metadata.name === 'bad'
        ? { ok: false, error: 'no' }
        : {
            ok: true,
            value: {
              patch: [
                {
                  op: 'add',
                  path: '/metadata/labels',
                  value: pod.spec.containers.map(({ ports = [] }) => ports.length),
                },
              ],
            },
          };
    },
    observability: noObservability,
  });
  server = await webhook.listen({
    at: { host: '127.0.0.1', port: 0 },
    tls: { source: createCertificateSource(createTestCa().issue({ dns: ['localhost'] })), clients: 'optional' },
  });
});
afterAll(() => server.close());

interface Reply {
  readonly status: number;
  readonly body: string;
}
const post = (body: string, { path = '/inject', type = 'application/json', method = 'POST' } = {}): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: server.port,
        path,
        method,
        headers: { 'content-type': type },
        rejectUnauthorized: false,
        agent: false,
      },
      (response) => {
        let text = '';
        response
          .on('data', (chunk: Buffer) => {
            text += chunk.toString();
          })
          .on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    sent.on('error', reject).end(body);
  });
const review = (object: unknown): string =>
  JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: { uid: 'u1', namespace: 'shop', object },
  });

describe('the webhook over HTTPS', () => {
  it('answers a review with a patch', async () => {
    const { status, body } = await post(review({ metadata: { name: 'good' }, spec: { containers: [] } }));
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      kind: 'AdmissionReview',
      response: { uid: 'u1', allowed: true, patchType: 'JSONPatch' },
    });
  });
  it.each([
    ['an object that is not a pod', review({ spec: { containers: 'none' } })],
    ['a refused pod', review({ metadata: { name: 'bad' }, spec: { containers: [] } })],
    ['a body that is not JSON', '{'],
  ])('%s is HTTP 200 and not allowed', async (_, body) => {
    const reply = await post(body);
    expect(reply.status).toBe(200);
    expect(JSON.parse(reply.body)).toMatchObject({ response: { allowed: false } });
  });
  it('refuses annotations that the API server would refuse for their size, before it reads them', async () => {
    const annotated = (length: number): string =>
      review({
        metadata: { name: 'good', annotations: { a: 'x'.repeat(length / 2), b: 'é'.repeat((length - 2) / 4) } },
        spec: { containers: [] },
      });
    expect(JSON.parse((await post(annotated(256 << 10))).body)).toMatchObject({ response: { allowed: true } });
    const { response } = JSON.parse((await post(annotated((256 << 10) + 4))).body) as {
      response: { allowed: boolean; status: { message: string } };
    };
    expect(response).toMatchObject({
      allowed: false,
      status: {
        message: expect.stringMatching(/^metadata\.annotations: Too long: must have at most 262144 bytes/) as string,
      },
    });
  });
  it('wants JSON by its exact type, a body, and its own path', async () => {
    expect((await post('{}', { type: 'application/json; charset=utf-8' })).status).toBe(415);
    expect((await post('')).status).toBe(400);
    expect((await post('{}', { path: '/other' })).status).toBe(404);
  });
  it('takes null for absent, as Kubernetes does, but no null in a list', async () => {
    const containers = (list: unknown) => ({ metadata: null, spec: { containers: list, volumes: null } });
    const { body } = await post(review(containers([{ name: 'app', ports: null, readinessProbe: null }])));
    const { response } = JSON.parse(body) as { response: { patch: string } };
    expect(JSON.parse(Buffer.from(response.patch, 'base64').toString())).toMatchObject([{ value: [0] }]);
    expect(JSON.parse((await post(review(containers([null])))).body)).toMatchObject({ response: { allowed: false } });
  });
  it('decodes its path before it reads environment from it', async () => {
    await post(review({ spec: { containers: [] } }), { path: '/inject/cluster/east%201' });
    expect(proxyEnv).toEqual({ ISTIO_META_CLUSTER_ID: 'east 1' });
    expect((await post('{}', { path: '/inject/cluster/%zz' })).status).toBe(400);
  });
  it('bounds the body', async () => {
    const reply = await post('x'.repeat(7 * 1024 * 1024)).catch(() => ({ status: 413 }));
    expect(reply.status).toBe(413);
  });
});

it.each<[string, Record<string, string>]>([
  ['/inject', {}],
  ['/inject/', {}],
  ['/inject/cluster/a--slash--b/net/n/odd', { ISTIO_META_CLUSTER_ID: 'a/b', ISTIO_META_NETWORK: 'n' }],
  ['/inject/net//cluster/a', { ISTIO_META_NETWORK: '', ISTIO_META_CLUSTER_ID: 'a' }],
  ['/inject/constructor/a', { CONSTRUCTOR: 'a' }],
  ['/inject/:ENV:cluster=a/b:ENV:rootpage=x=y:ENV:=z:ENV:net', { ISTIO_META_CLUSTER_ID: 'a/b', ROOTPAGE: 'x=y' }],
])('reads environment from the path %s', (path, expected) => expect(parsePathEnv(path)).toEqual(expected));
