import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTracer, parseTraceParent } from './tracer.ts';

it('follows a change across tracers and into the span file', async () => {
  const traceFile = join(mkdtempSync(join(tmpdir(), 'spans-')), 'spans.jsonl');
  const galley = createTracer({ service: 'galley', traceFile });
  const read = galley.start('read', { startTime: Date.now() - 5, attributes: { file: 'a.yaml' } });
  const carried = createTracer({ service: 'pilot' }).start('received', { parent: read.traceparent });
  const published = galley.start('published', { parent: carried.traceparent });
  published.end();
  read.end();
  await galley.close();
  const [first, second] = readFileSync(traceFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(first).toMatchObject({
    name: 'published',
    service: 'galley',
    parentSpanId: carried.traceparent.split('-')[2],
  });
  expect(second).toMatchObject({ name: 'read', traceId: first?.['traceId'], attributes: { file: 'a.yaml' } });
});

it.each(['', 'junk', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`, `00-${'A'.repeat(32)}-${'1'.repeat(16)}-01`])(
  'takes "%s" for no parent',
  (text) => {
    expect(parseTraceParent(text)).toBeUndefined();
  },
);
