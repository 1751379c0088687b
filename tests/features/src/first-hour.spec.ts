import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeProblem } from '@flotilla/demo';
import { parseDocuments } from '@flotilla/galley-file-source';
import { FilePipeline } from '@flotilla/galley-pipeline';
import { keyOf } from '@flotilla/model';
import { credentialNames } from '@flotilla/rules';

const root = resolve(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/first-hour.md'), 'utf8');

/** A pod with a proxy, as the demo starts it. */
const pod = (namespace: string, name: string, labels: object): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: ${JSON.stringify(labels)} }
spec: { containers: [{ name: app }, { name: istio-proxy }] }
---`;
const pods =
  pod('shop', 'web', { app: 'web', version: 'v1' }) + pod('istio-system', 'gateway', { istio: 'ingressgateway' });

/** Galley's messages about the mesh of the page together with a file, where there are no Secrets. */
function problemsWith(edit: string): readonly string[] {
  const pipeline = new FilePipeline('test');
  const files = {
    'mesh.yaml': readFileSync(join(root, 'docs/examples/first-hour/mesh.yaml')),
    'pods.yaml': pods,
    'edit.yaml': edit,
  };
  pipeline.apply(Object.entries(files).map(([path, text]) => ({ path, ...parseDocuments(Buffer.from(text)) })));
  pipeline.noteCredentials(
    [...pipeline.resources].map((resource) => [
      { collection: resource.collection, key: keyOf(resource.meta) },
      credentialNames(resource.spec).map(({ name }) => ({ name, reason: 'not found' })),
    ]),
  );
  return pipeline.problems.map(describeProblem);
}

describe('docs/first-hour.md', () => {
  const mistakes = [...page.matchAll(/### (.+)\n[^#]*?```yaml\n([^`]*)```\n\n```text\n([^`]*)```/g)];

  it('has a dozen mistakes, each with its messages', () => {
    expect(mistakes.length).toBe(page.split('```yaml').length - 1);
    expect(mistakes.length).toBeGreaterThanOrEqual(12);
  });

  it('begins with a mesh without a mistake', () => {
    expect(problemsWith('')).toEqual([]);
  });

  it.each(mistakes.map(([, title = '', edit = '', messages = '']) => [title, edit, messages] as const))(
    "quotes galley's messages: %s",
    (_, edit, messages) => {
      expect(problemsWith(edit)).toEqual(messages.trimEnd().split('\n'));
    },
  );
});
