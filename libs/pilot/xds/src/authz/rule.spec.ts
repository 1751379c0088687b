import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildPolicy, type RuleTarget } from './rule.ts';
import { bracketed, cidr, stringMatch } from './matchers.ts';
import { subjectPatterns } from './stock.ts';
import { inTrustDomains } from './trust-domain.ts';

const target = (of: Partial<RuleTarget> = {}): RuleTarget => ({
  action: 'ALLOW',
  tcp: false,
  istioEnvoy: true,
  peerFrom: 'filter state',
  issuers: [],
  trustDomains: ['cluster.local'],
  ...of,
});

describe('a rule as RBAC', () => {
  it('matches anything when it asks for nothing', () => {
    expect(buildPolicy({}, target())).toEqual({
      permissions: [{ andRules: { rules: [{ any: true }] } }],
      principals: [{ andIds: { ids: [{ any: true }] } }],
    });
  });

  it('of bytes: an HTTP attribute voids an ALLOW rule, and widens a DENY rule', () => {
    const rule = { to: [{ operation: { paths: ['/admin'], ports: ['9000'] } }] };
    expect(buildPolicy(rule, target({ tcp: true }))).toBeUndefined();
    expect(buildPolicy(rule, target({ tcp: true, action: 'DENY' }))?.permissions).toEqual([
      { andRules: { rules: [{ orRules: { rules: [{ destinationPort: 9000 }] } }] } },
    ]);
  });

  it('of bytes: an HTTP attribute anywhere in an ALLOW rule leaves out the rule', () => {
    const to = [{ operation: { paths: ['/admin'] } }, { operation: { ports: ['9000'] } }];
    const from = [{ source: { namespaces: ['a'] } }, { source: { requestPrincipals: ['*'] } }];
    const when = [{ key: 'request.headers[x]', notValues: ['a'] }];
    for (const rule of [{ to }, { from }, { when }, { to: to.slice(1), from }, { to: to.slice(1), when }])
      expect(buildPolicy(rule, target({ tcp: true }))).toBeUndefined();
    expect(buildPolicy({ to: to.slice(1), from: from.slice(0, 1) }, target({ tcp: true }))).toBeDefined();
    expect(buildPolicy({ to }, target({ tcp: true, action: 'LOG' }))?.permissions).toHaveLength(2);
  });

  it('tells a peer by TLS and a caller by jwt_authn on a stock Envoy', () => {
    const rule = { from: [{ source: { principals: ['cluster.local/ns/a/sa/b'], requestPrincipals: ['iss/me'] } }] };
    expect(
      buildPolicy(rule, target({ istioEnvoy: false, peerFrom: 'certificate', issuers: ['iss'] }))?.principals,
    ).toEqual([
      {
        andIds: {
          ids: [
            { orIds: { ids: [{ authenticated: { principalName: { exact: 'spiffe://cluster.local/ns/a/sa/b' } } }] } },
            {
              orIds: {
                ids: [
                  {
                    metadata: {
                      filter: 'envoy.filters.http.jwt_authn',
                      path: [{ key: 'iss' }, { key: 'sub' }],
                      value: { stringMatch: { exact: 'me' } },
                    },
                  },
                ],
              },
            },
          ],
        },
      },
    ]);
  });

  it('drops a rule with an unknown condition', () => {
    expect(buildPolicy({ when: [{ key: 'no.such', values: ['x'] }] }, target())).toBeUndefined();
    expect(buildPolicy({ when: [{ key: 'toString', values: ['x'] }] }, target())).toBeUndefined();
  });
});

describe('a rule of many conditions, sources and operations', () => {
  const sources = Array.from({ length: 30 }, (_, i) => ({
    source: { principals: [`p${i}`], notNamespaces: [`n${i}`] },
  }));
  const operations = Array.from({ length: 30 }, (_, i) => ({ operation: { paths: [`/${i}`] } }));
  const values = Array.from({ length: 400 }, (_, i) => `v${i}`);
  const when = [
    { key: 'request.headers[x]', values },
    { key: 'destination.ip', notValues: values.map((_, i) => `10.0.${i >> 8}.${i & 255}`) },
  ];
  const rule = { from: sources, to: operations, when };

  it('says the conditions once', () => {
    const policy = buildPolicy(rule, target());
    expect([policy?.permissions?.length, policy?.principals?.length]).toEqual([1, 1]);
    expect(JSON.stringify(policy).length).toBeLessThan(100_000);
  });

  it('holds just when it does for one of its sources and one of its operations', () => {
    const policy = buildPolicy(rule, target());
    const singly = {
      who: policiesOf(sources.map((from) => ({ from: [from], when }))),
      what: policiesOf(operations.map((to) => ({ to: [to], when }))),
    };
    const leaf = fc.stringMatching(/^(p1?[0-9]|n[0-9]|v[0-9]|10\.0\.0\.[0-9]|\/[0-9])$/);
    fc.assert(
      fc.property(fc.uniqueArray(leaf, { maxLength: 6 }), (facts) => {
        const holds = (side: readonly unknown[]): boolean => side.some((matcher) => evaluate(matcher, facts));
        expect(holds(policy?.principals ?? [])).toBe(singly.who.some(({ principals }) => holds(principals ?? [])));
        expect(holds(policy?.permissions ?? [])).toBe(singly.what.some(({ permissions }) => holds(permissions ?? [])));
      }),
    );
  });

  it('is void where a condition is that must hold', () => {
    expect(buildPolicy(rule, target({ tcp: true }))).toBeUndefined();
    expect(buildPolicy(rule, target({ tcp: true, action: 'DENY' }))?.principals).toHaveLength(1);
  });

  const policiesOf = (rules: readonly object[]): NonNullable<ReturnType<typeof buildPolicy>>[] =>
    rules.flatMap((one) => buildPolicy(one, target()) ?? []);
  /** Whether a matcher holds where just those leaves do whose text ends with one of the facts. */
  function evaluate(matcher: unknown, facts: readonly string[]): boolean {
    const { andIds, orIds, notId, andRules, orRules, notRule } = matcher as Record<string, object | undefined>;
    const inside = (list: object): unknown[] => Object.values(list).flat();
    const all = andIds ?? andRules;
    const any = orIds ?? orRules;
    const not = notId ?? notRule;
    if (all) return inside(all).every((each) => evaluate(each, facts));
    if (any) return inside(any).some((each) => evaluate(each, facts));
    if (not) return !evaluate(not, facts);
    const text = JSON.stringify(matcher);
    return facts.some((fact) => new RegExp(`[/"]${fact.replaceAll('.', '[.]')}(/|")`).test(text));
  }
});

describe('patterns', () => {
  it('subjects of an issuer match just when issuer and subject match the whole', () => {
    const matches = (pattern: string, text: string): boolean => {
      const { exact, prefix, suffix } = stringMatch(pattern);
      if (pattern === '*') return text !== '';
      return exact != null ? text === exact : prefix != null ? text.startsWith(prefix) : text.endsWith(suffix ?? '');
    };
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '/'), minLength: 1, maxLength: 4 });
    const subject = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
    const pattern = fc.oneof(
      part,
      part.map((p) => `${p}*`),
      part.map((p) => `*${p}`),
      fc.constant('*'),
    );
    fc.assert(
      fc.property(part, subject, pattern, (issuer, sub, whole) => {
        expect(subjectPatterns(issuer, whole).some((p) => matches(p, sub))).toBe(matches(whole, `${issuer}/${sub}`));
      }),
    );
  });

  it('CIDRs keep their host bits, and nothing else counts as one', () => {
    expect(cidr('10.9.8.7/16')).toEqual({ addressPrefix: '10.9.8.7', prefixLen: { value: 16 } });
    expect(cidr('FE80:0::01')).toEqual({ addressPrefix: 'fe80::1', prefixLen: { value: 128 } });
    for (const bad of ['10.0.0.0/33', 'host', '10.0.0.1/x', '']) expect(cidr(bad)).toBeUndefined();
  });

  it('principals of the own trust domain hold in its aliases, those of others stay', () => {
    expect(inTrustDomains(['old/ns/a/sa/b', 'far/ns/a/sa/b', '*/ns/a/sa/b', 'old/*'], ['new', 'old'])).toEqual([
      'new/ns/a/sa/b',
      'old/ns/a/sa/b',
      'far/ns/a/sa/b',
      '*/ns/a/sa/b',
      'old/*',
    ]);
    expect(inTrustDomains(['*-td/ns/a/sa/b'], ['new-td', 'old-td', 'far'])).toEqual([
      '*-td/ns/a/sa/b',
      'far/ns/a/sa/b',
    ]);
  });

  it('names in brackets: one header, nested claims', () => {
    expect(bracketed('[a][b c]')).toEqual(['a', 'b c']);
    expect(bracketed('[]')).toEqual(['']);
    expect(bracketed('[a[b]]')).toEqual(['a[b]']);
    for (const bad of ['', 'a', '[a', 'a]', '[a]b']) expect(bracketed(bad)).toBeUndefined();
  });
});
