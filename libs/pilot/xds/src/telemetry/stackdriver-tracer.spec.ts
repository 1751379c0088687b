import { expect, it } from 'vitest';
import { createWorldStore, parseProxy, worldQuery } from '@flotilla/pilot-world';
import { toJson } from '@flotilla/proto-gen/json';
import { Engine, Subject } from '@flotilla/query';
import { stackdriverTracer } from './stackdriver-tracer.ts';

function tracerOf(
  metadata: Readonly<Record<string, unknown>>,
  extensions: string[] = [],
): Readonly<Record<string, unknown>> | undefined {
  const proxy = parseProxy({ id: 'sidecar~10.0.0.1~a.ns~ns.svc.cluster.local', metadata, extensions });
  if (!proxy.ok) throw new Error(proxy.error);
  const tracer = new Engine(createWorldStore()).read(
    worldQuery('tracer-of-spec', (view) => stackdriverTracer(view, { maxNumberOfAttributes: 11 })),
    '',
    new Subject({ ...proxy.value }),
  );
  return (
    tracer &&
    (toJson(tracer.typedConfig?.type_url ?? '', tracer.typedConfig?.value as Uint8Array) as Readonly<
      Record<string, unknown>
    >)
  );
}

it("spans go to the proxy's project in Google Cloud, nowhere when that is not known", () => {
  expect(tracerOf({})).toBeUndefined();
  expect(tracerOf({ PLATFORM_METADATA: { gcp_project: 'p' } }, ['envoy.tracers.zipkin'])).toBeUndefined();
  expect(tracerOf({ PLATFORM_METADATA: { gcp_project: 'p', gcp_project_number: '7' } })).toMatchObject({
    stackdriverProjectId: 'p',
    traceConfig: { maxNumberOfAttributes: '11', maxNumberOfAnnotations: '200' },
  });
  expect(tracerOf({ PLATFORM_METADATA: { gcp_project_number: '7' } })).toMatchObject({ stackdriverProjectId: '7' });
});

it("tokens for it come from the agent's port, where there is one", () => {
  const project = { PLATFORM_METADATA: { gcp_project: 'p' } };
  expect(tracerOf(project)).not.toHaveProperty('stackdriverGrpcService');
  expect(JSON.stringify(tracerOf({ ...project, STS_PORT: '15463' }))).toContain('http://localhost:15463/token');
  expect(tracerOf({ ...project, STS_PORT: 'none' })).toBeUndefined();
});
