import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keyOf, kindOf, parseResource } from '@flotilla/model';
import { Engine, Subject } from '@flotilla/query';
import { destinationRuleKey, destinationRulesOf, noRule, type RuleKey } from './destination-rules.ts';
import { createWorldStore, worldChanges } from './store.ts';
import { worldQuery, type View } from './view.ts';

interface Rule {
  readonly namespace: string;
  readonly name: string;
  readonly spec: { readonly host: string; readonly exportTo?: readonly string[] | undefined };
}

function meshOf(rules: readonly Rule[]): Engine {
  const engine = new Engine(createWorldStore());
  engine.apply(
    rules.flatMap(({ namespace, name, spec }) => {
      const raw = {
        apiVersion: 'networking.istio.io/v1beta1',
        kind: 'DestinationRule',
        metadata: { namespace, name },
        spec,
      };
      const parsed = parseResource(raw);
      const collection = kindOf(raw)?.collection;
      if (!parsed.ok || !collection) throw new Error(JSON.stringify(parsed));
      return worldChanges(collection, keyOf(parsed.value.resource.meta), parsed.value.resource);
    }),
  );
  return engine;
}
const clientOf = (namespace: string): Subject => new Subject({ namespace, labels: {} });

const namespace = fc.constantFrom('shop', 'bank', 'istio-system');
const host = fc.constantFrom(
  ...['a', 'a.shop', 'a.shop.svc.cluster.local', 'a.bank.svc.cluster.local', 'api.test'],
  ...['*', '*.test', '*i.test', '*.shop.svc.cluster.local', '*.svc.cluster.local'],
);
const rule = fc.record({
  namespace,
  name: fc.constantFrom('x', 'y'),
  spec: fc.record({ host, exportTo: fc.option(fc.constantFrom(['.'], ['*'], ['bank']), { nil: undefined }) }),
});
const service = fc.record({
  hostname: fc.constantFrom(
    ...['a.shop.svc.cluster.local', 'a.bank.svc.cluster.local', 'api.test', 'a', 'a.shop', '*.test', '*.api.test'],
  ),
  namespace,
});

it('the rule for one service is the one that is found among the rules of all hosts', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 5 }), service, namespace, (rules, asked, client) => {
      const both = worldQuery('both', (view: View): RuleKey[] => [
        destinationRuleKey(view, asked),
        destinationRulesOf(view)(asked),
      ]);
      const [found, expected] = meshOf(rules).read(both, '', clientOf(client));
      expect(found).toBe(expected);
    }),
    { numRuns: 500 },
  );
});

it('a host without a rule has none for clients of all namespaces alike, whatever rules other hosts have', () => {
  const engine = meshOf([{ namespace: 'shop', name: 'x', spec: { host: 'other' } }]);
  const ruleFor = worldQuery('rule-for', (view, hostname) => destinationRuleKey(view, { hostname, namespace: 'shop' }));
  for (const client of ['shop', 'bank']) expect(engine.read(ruleFor, 'a.test', clientOf(client))).toBe(noRule);
  expect(engine.stats.runs.get('rule-for')).toBe(1);
});
