import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseValue } from '../schema/parse.ts';
import {
  bool,
  enumeration,
  int64,
  map,
  message,
  recursive,
  repeated,
  string,
  wrapper,
  type Schema,
} from '../schema/schema.ts';
import { buildCustomResourceDefinition, customKinds } from './custom-resource-definition.ts';
import { openApiOf } from './open-api.ts';

const folder = join(import.meta.dirname, '../../../../deploy/crds');
const note = '# Generated from libs/model; `npm test -- libs/model -u` writes it again.\n';

describe('the CRDs in deploy/crds', () => {
  it.each(customKinds.map((kind) => [kind.kind, kind] as const))('%s is as the model has it', async (_name, kind) => {
    const text = note + stringify(buildCustomResourceDefinition(kind), { lineWidth: 0, aliasDuplicateObjects: false });
    await expect(text).toMatchFileSnapshot(join(folder, `${kind.plural}.${kind.group}.yaml`));
  });
});

describe('a structural schema', () => {
  it('has a type for every value, and takes what ProtoJSON takes for it', () => {
    const schema = message({
      a: string,
      b: repeated(bool),
      c: map(wrapper(bool)),
      d: enumeration(['X', 'Y']),
      e: int64,
    });
    expect(openApiOf(schema)).toEqual({
      type: 'object',
      properties: {
        a: { type: 'string' },
        b: { type: 'array', items: { type: 'boolean', nullable: true } },
        c: { type: 'object', additionalProperties: { type: 'boolean', nullable: true } },
        d: { 'x-kubernetes-int-or-string': true, pattern: '^(X|Y)$' },
        e: { 'x-kubernetes-int-or-string': true },
      },
    });
  });

  it('is open where a message is within itself', () => {
    const node: Schema = recursive(() => ({ next: node, name: string }));
    expect(openApiOf(node).properties?.['next']).toEqual({
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
    });
  });

  it.each(customKinds.map((kind) => [kind.kind, kind] as const))(
    '%s has an OpenAPI property for each field that is read',
    (_name, { schema }) => {
      const fields = schema.type === 'message' ? Object.keys(schema.fields()) : [];
      expect(Object.keys(openApiOf(schema).properties ?? {})).toEqual(fields);
      expect(parseValue(schema, {}).problems).toEqual([]);
    },
  );
});
