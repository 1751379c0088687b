import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kinds, parseResource, parseValue } from './index.ts';

const virtualService = (spec: unknown, meta: unknown = { name: 'web', namespace: 'shop' }) => ({ apiVersion: 'networking.istio.io/v1beta1', kind: 'VirtualService', metadata: meta, spec });

describe('parsing resources', () => {
  it('takes what the API takes: snake_case, numbers as text, durations of Go', () => {
    const parsed = parseResource(virtualService({ hosts: ['web'], http: [{ timeout: '1m30s', route: [{ destination: { host: 'web', port: { number: '80' } }, weight: 100.0 }], direct_response: null }] }));
    expect(parsed.ok && parsed.value.resource.spec).toEqual({ hosts: ['web'], http: [{ timeout: 90, route: [{ destination: { host: 'web', port: { number: 80 } }, weight: 100 }] }] });
  });

  it('drops unknown fields with a warning that names them, or refuses them when strict', () => {
    const raw = virtualService({ hosts: ['web'], htp: [] });
    const lenient = parseResource(raw);
    expect(lenient.ok && lenient.value.warnings).toEqual([{ code: 'unknown-field', level: 'warning', path: 'spec.htp', message: 'unknown field "htp" is ignored' }]);
    expect(parseResource(raw, { unknownFields: 'strict' }).ok).toBe(false);
  });

  it.each([
    [virtualService({ hosts: 'web' }), 'spec.hosts', 'expected a list, found "web"'],
    [virtualService({ http: [{ timeout: 'soon' }] }), 'spec.http[0].timeout', 'expected a duration such as 1.5s, found "soon"'],
    [virtualService({ http: [{ timeout: `${'11h'.repeat(40)}x` }] }), 'spec.http[0].timeout', `expected a duration such as 1.5s, found "${'11h'.repeat(20)}..."`],
    [virtualService({ http: [{ retries: { attempts: 1.5 } }] }), 'spec.http[0].retries.attempts', 'expected a whole number, found 1.5'],
    [virtualService({}, { namespace: 'shop' }), 'metadata.name', 'expected a name'],
    [{ apiVersion: 'networking.istio.io/v1beta1', kind: 'VirtualServise', metadata: { name: 'x' } }, 'kind', 'unknown kind VirtualServise of networking.istio.io/v1beta1'],
    [{ apiVersion: 'networking.istio.io/v7', kind: 'VirtualService', metadata: { name: 'x' } }, 'apiVersion', 'VirtualService has no version v7 in networking.istio.io; use v1beta1 or v1alpha3'],
    ['text', '', 'expected a Kubernetes object with apiVersion, kind and metadata'],
  ])('refuses %j, naming the field and what was expected', (raw, path, message) => {
    const parsed = parseResource(raw);
    expect(parsed.ok ? [] : parsed.error.map((problem) => [problem.path, problem.message])).toEqual([[path, message]]);
  });

  it('never throws, and reads what it has read to the same again', () => {
    const schemas = kinds.flatMap(({ schema }) => schema ?? []);
    fc.assert(fc.property(fc.constantFrom(...schemas), fc.anything({ withDate: false }), (schema, raw) => {
      const { value, problems } = parseValue(schema, raw);
      if (problems.length > 0) return;
      expect(parseValue(schema, value)).toEqual({ value, problems: [] });
    }));
  });
});
