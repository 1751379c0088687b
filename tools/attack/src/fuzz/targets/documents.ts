import { parseDocuments } from '@flotilla/files';
import { loadResources } from '@flotilla/galley-pipeline';
import { inOrder, json, number, oneOf, repeated, word } from '../grammar.ts';
import type { FuzzTarget } from '../target.ts';

const scalar = oneOf(
  word,
  number,
  '~',
  'yes',
  '012',
  '1_000',
  '0x1f',
  '"a\\n"',
  "'it''s'",
  '!!binary aGk=',
  '*a',
  '2001-01-01',
  '.inf',
  '190:20:30',
);
const flow = json(4);
const block = inOrder(
  repeated(
    inOrder(
      oneOf('', '  ', '    ', '- '),
      word,
      ': ',
      oneOf(scalar, flow, '&a [1]', '|\n  text', '>-\n  text', '<<: *a'),
    ),
    30,
    '\n',
  ),
);
const resource = inOrder(
  '{apiVersion: ',
  oneOf('networking.istio.io/v1beta1', 'security.istio.io/v1', 'v1'),
  ', kind: ',
  oneOf(
    'VirtualService',
    'Gateway',
    'ServiceEntry',
    'DestinationRule',
    'Sidecar',
    'AuthorizationPolicy',
    'Service',
    'List',
  ),
  ', metadata: {name: a, namespace: shop}, spec: ',
  oneOf(
    flow,
    inOrder(
      '{hosts: [',
      repeated(word, 4, ', '),
      '], http: [',
      repeated(inOrder('{timeout: ', scalar, ', route: ', flow, '}'), 3, ', '),
      ']}',
    ),
  ),
  '}',
);

/** Files of configuration: bytes, YAML, resources, validation. */
export const documents: FuzzTarget = {
  name: 'documents',
  generate: repeated(oneOf(block, flow, resource, resource), 6, '\n---\n'),
  words: [
    '&a ',
    '*a',
    '? ',
    '---\n',
    '<<: ',
    '!!python/object',
    '[',
    '{',
    '|\n',
    '%YAML 1.2\n',
    '\t',
    ': ',
    '__proto__: {x: 1}',
    '- - - ',
  ],
  read: (input) => loadResources([{ path: 'fuzz.yaml', ...parseDocuments(input) }]),
};
