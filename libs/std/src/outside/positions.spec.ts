import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { positionOf, readYamlDocuments, segmentsOf, type Positions } from './readers.ts';

function positionsIn(text: string, document = 0): Positions {
  const read = readYamlDocuments(text, { withPositions: true });
  const positions = read.ok ? read.value[document]?.positions : undefined;
  if (!positions) throw new Error('no positions');
  return positions;
}
/** `line:column` of each path. */
const placesIn = (text: string, paths: readonly string[], document = 0): string[] => {
  const positions = positionsIn(text, document);
  return paths.map((path) => {
    const { line, column } = positionOf(positions, path);
    return `${line}:${column}`;
  });
};

const route = `# two documents
a: 1
---
# the second
kind: VirtualService
spec:
  hosts: [a.test, b.test]
  http:
  - route:
    - destination: {host: "ä", port: {number: 1}}
    connect_timeout: 1s
metadata:
  labels: {app.kubernetes.io/name: x}
`;

describe('positions in YAML', () => {
  it('are those of the key of a member and of an item of a list', () => {
    expect(
      placesIn(
        route,
        [
          'kind',
          'spec.hosts[1]',
          'spec.http[0]',
          'spec.http[0].route[0].destination.port.number',
          'metadata.labels["app.kubernetes.io/name"]',
        ],
        1,
      ),
    ).toEqual(['5:1', '7:19', '9:5', '10:39', '13:12']);
  });

  it('are the same when a document is asked for many', () => {
    const paths = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? 'spec.hosts[1]' : 'spec.http[7].x'));
    expect(placesIn(route, paths, 1)).toEqual(paths.map((_, i) => (i % 2 === 0 ? '7:19' : '8:3')));
  });

  it('are those of the nearest value around what the text does not have', () => {
    expect(
      placesIn(
        route,
        ['', 'spec.http[0].match[0].uri', 'spec.http[7].x', 'status', 'metadata.labels["', '.', 'spec.http['],
        1,
      ),
    ).toEqual(['5:1', '9:5', '8:3', '5:1', '13:3', '5:1', '8:3']);
  });

  it('are found by either spelling of a name', () =>
    expect(placesIn(route, ['spec.http[0].connectTimeout'], 1)).toEqual(['11:5']));

  it('are those of an alias for what it brings, and of a mapping for what is merged into it', () => {
    const text = 'base: &b {x: {z: 1}}\ncopy: *b\nmerged:\n  own: 1\n  <<: *b\n';
    expect(placesIn(text, ['base.x.z', 'copy.x.z', 'merged.x.z', 'merged.own'])).toEqual(['1:15', '2:1', '3:1', '4:3']);
  });

  it('are given only when asked for, and survive the way between threads', () => {
    const read = readYamlDocuments('a: 1');
    expect(read).toEqual({ ok: true, value: [{ index: 1, line: 1, value: { a: 1 } }] });
    expect(positionOf(structuredClone(positionsIn('\n\nb: 1')), 'b')).toEqual({ line: 3, column: 1 });
  });

  it('are right for every value of any document', () => {
    const key = fc.oneof(fc.stringMatching(/^[a-z]{1,3}$/), fc.constantFrom('__proto__', 'a.b', 'x["y"]', 'é'));
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.integer(),
        fc.array(tie('value'), { minLength: 1, maxLength: 4 }),
        fc
          .uniqueArray(fc.tuple(key, tie('value')), { selector: ([name]) => name, minLength: 1, maxLength: 4 })
          .map((entries) => new Map(entries)),
      ),
    }));
    const nested = value.filter((one) => typeof one === 'object');
    fc.assert(
      fc.property(nested, (any) => {
        const lines: string[] = [];
        const places: [path: string, place: string][] = [];
        // Each value begins on a line of its own, so its place is known when it is written.
        const write = (one: unknown, path: string, indent: number): void => {
          const members = Array.isArray(one)
            ? one.map((item: unknown, i) => ['-', `${path}[${i}]`, item] as const)
            : [...(one as Map<string, unknown>)].map(
                ([name, item]) => [`${JSON.stringify(name)}:`, `${path}[${JSON.stringify(name)}]`, item] as const,
              );
          for (const [text, inner, item] of members) {
            const isNested = Array.isArray(item) || item instanceof Map;
            lines.push(`${' '.repeat(indent)}${text}${isNested ? '' : ` ${String(item)}`}`);
            // An item's place is that of its value, here after "- " or on the next line.
            const first = item instanceof Map || Array.isArray(item) ? [lines.length + 1, indent + 3] : undefined;
            if (text !== '-') places.push([inner, `${lines.length}:${indent + 1}`]);
            else places.push([inner, first ? first.join(':') : `${lines.length}:${indent + 3}`]);
            if (isNested) write(item, inner, indent + 2);
          }
        };
        write(any, '', 0);
        expect(
          placesIn(
            lines.join('\n'),
            places.map(([path]) => path),
          ),
        ).toEqual(places.map(([, place]) => place));
      }),
    );
  });
});

it('reads any text as a path, without end or failure', () =>
  fc.assert(fc.property(fc.string(), (text) => segmentsOf(text).length <= text.length)));
