import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { goldenPairs } from '@flotilla/testing';
import { buildRules, buildSettings, iptablesFlags, parseFlags, restoreText, separateRanges } from './index.ts';
import type { IptablesSettings } from './index.ts';

interface Case {
  args: string[];
  env: Record<string, string>;
  resolvConf: string;
  interfaceAddresses?: string[];
}

function settingsOf({ args, env, interfaceAddresses = ['10.0.0.1'], resolvConf }: Case): IptablesSettings {
  const flags = parseFlags(
    [...iptablesFlags, { name: 'log_output_level', fallback: '', usage: '' }],
    args.filter((arg) => !arg.startsWith('--config')),
  );
  if (!flags.ok) throw new Error(flags.error);
  const nameservers = [...resolvConf.matchAll(/^nameserver\s+(\S+)/gm)].map(([, server]) => server ?? '');
  const settings = buildSettings(flags.value.flags, env, { addresses: interfaceAddresses, nameservers });
  if (!settings.ok) throw new Error(`panic: ${settings.error}\n`);
  return settings.value;
}
function rulesOf(test: Case) {
  const built = buildRules(settingsOf(test));
  if (!built.ok) throw new Error(`panic: ${built.error}\n`);
  return built.value.rules;
}

describe('golden pairs: rules of flags and environment', () => {
  goldenPairs(import.meta.dirname, ([given]) => {
    const rules = rulesOf({
      resolvConf: 'nameserver 10.96.0.10',
      ...(given as Pick<Case, 'args' | 'env'>),
    });
    return { 'iptables-restore': restoreText(rules, 'v4') };
  });
});

describe('ranges', () => {
  it('skip what is not a range and report it', () => {
    const { v4, v6, problems } = separateRanges('10.0.0.0/8,nonsense,1.2.3.4/33,2001:DB8::/32,300.0.0.0/8');
    expect({ v4: v4.cidrs, v6: v6.cidrs }).toEqual({ v4: ['10.0.0.0/8'], v6: ['2001:db8::/32'] });
    expect(problems).toHaveLength(3);
  });
  it('never fail, whatever the text', () =>
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { v4, v6 } = separateRanges(text);
        return [...v4.cidrs, ...v6.cidrs].every((cidr) => !/\s/.test(cidr));
      }),
    ));
});
