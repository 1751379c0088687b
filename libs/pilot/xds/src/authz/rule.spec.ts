import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildPolicy, type RuleTarget } from './rule.ts';
import { cidr, stringMatch } from './matchers.ts';
import { subjectPatterns } from './stock.ts';
import { inTrustDomains } from './trust-domain.ts';

const target = (of: Partial<RuleTarget> = {}): RuleTarget => ({
  action: 'ALLOW',
  tcp: false,
  istioEnvoy: true,
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

  it('keeps the other destinations of an ALLOW rule', () => {
    const rule = { to: [{ operation: { paths: ['/admin'] } }, { operation: { ports: ['9000'] } }] };
    expect(buildPolicy(rule, target({ tcp: true }))?.permissions).toHaveLength(1);
  });

  it('tells a peer by TLS and a caller by jwt_authn on a stock Envoy', () => {
    const rule = { from: [{ source: { principals: ['cluster.local/ns/a/sa/b'], requestPrincipals: ['iss/me'] } }] };
    expect(buildPolicy(rule, target({ istioEnvoy: false, issuers: ['iss'] }))?.principals).toEqual([
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
    expect(cidr('fe80::1')?.prefixLen).toEqual({ value: 128 });
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
  });
});
