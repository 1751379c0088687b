import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildInjectionWebhooks, type Labels } from '@flotilla/rules';
import { corpusPath } from '@flotilla/testing';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

interface Configuration {
  readonly kind?: string;
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly webhooks: readonly {
    readonly name: string;
    readonly reinvocationPolicy: 'Never' | 'IfNeeded';
    readonly clientConfig: {
      readonly service: { readonly name: string; readonly namespace: string; readonly path: string };
    };
  }[];
}

const answers = corpusPath('operator', 'manifest');
describe.runIf(existsSync(answers))("the configurations of Istio's charts", () => {
  const given = globSync('*/expected.yaml', { cwd: answers }).flatMap((file) =>
    parseAllDocuments(readFileSync(join(answers, file), 'utf8'), { version: '1.1' })
      .map((document) => document.toJS() as Configuration | null)
      .filter((object) => object?.kind === 'MutatingWebhookConfiguration')
      .map((object) => ({ file, object: object as Configuration, name: object?.metadata.name })),
  );
  it.each(given)('$file: $name', ({ object }) => {
    const { labels } = object.metadata;
    const [first] = object.webhooks;
    const { name, namespace, path } = first?.clientConfig.service ?? { name: '', namespace: '', path: '' };
    const { 'istio.io/rev': revision = '', 'istio.io/tag': tag, app: _app, ...others } = labels;
    expect(
      buildInjectionWebhooks({
        revision,
        ...(tag === undefined ? {} : { tag }),
        service: { name, namespace, path },
        reinvocationPolicy: first?.reinvocationPolicy ?? 'Never',
        enableNamespacesByDefault: object.webhooks.some((webhook) => webhook.name.startsWith('auto.')),
        labels: others,
      }),
    ).toEqual(object);
  });
  it('are there', () => expect(given.length).toBeGreaterThan(30));
});
