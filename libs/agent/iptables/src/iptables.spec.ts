import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { corpusPath, goldenPairs } from '@flotilla/testing';
import {
  buildCleanCommands,
  buildRules,
  buildSettings,
  commandLines,
  describeEnvironment,
  describeSettings,
  iptablesFlags,
  parseFlags,
  restoreText,
  separateRanges,
} from './index.ts';
import type { IptablesSettings } from './index.ts';

const corpus = corpusPath('iptables');
interface Case {
  args: string[];
  env: Record<string, string>;
  interfaceAddresses?: string[];
  resolvConf: string;
  exitCode: number;
  stderr: string;
}
const read = (path: string): string => readFileSync(`${corpus}/${path}`, 'utf8');
const caseOf = (path: string): Case => JSON.parse(read(`${path}/case.json`)) as Case;

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

describe.skipIf(!existsSync(corpus))('as Istio writes them (needs ../shared/corpus)', () => {
  const names = (folder: string): string[] =>
    existsSync(corpus) ? readdirSync(`${corpus}/${folder}`).filter((name) => !name.includes('.')) : [];
  it.each(names('cases'))('rules: %s', (name) => {
    const test = caseOf(`cases/${name}`);
    if (test.exitCode !== 0) {
      expect(() => rulesOf(test)).toThrow(test.stderr.replace('Error: ', '').trim());
      return;
    }
    const rules = rulesOf(test);
    expect(restoreText(rules, 'v4')).toBe(read(`cases/${name}/restore-v4.rules`));
    expect(restoreText(rules, 'v6')).toBe(read(`cases/${name}/restore-v6.rules`));
    expect([...commandLines(rules, 'v4'), ...commandLines(rules, 'v6')]).toEqual(
      read(`cases/${name}/commands.txt`).trim().split('\n'),
    );
    expect(read(`cases/${name}/expected.stdout`)).toContain(describeEnvironment(test.env));
    expect(read(`cases/${name}/expected.stdout`)).toContain(describeSettings(settingsOf(test)));
  });
  it.each(names('clean'))('clean-up: %s', (name) => {
    expect(buildCleanCommands(settingsOf(caseOf(`clean/${name}`)))).toEqual(
      read(`clean/${name}/commands.txt`).trim().split('\n'),
    );
  });
  it.each(names('upstream'))("Istio's own golden: %s", (name) => {
    const test = caseOf(`upstream/${name}`) as Case & {
      realBinaryMatchesUpstreamGolden: boolean;
      equivalentArgs: string[];
    };
    if (!test.realBinaryMatchesUpstreamGolden) return;
    const rules = rulesOf({ ...test, args: test.equivalentArgs });
    expect([...commandLines(rules, 'v4'), ...commandLines(rules, 'v6')]).toEqual(
      read(`upstream/${name}/golden.txt`).trim().split('\n'),
    );
  });
});

describe('golden pairs: rules of flags and environment', () => {
  goldenPairs(import.meta.dirname, ([given]) => {
    const rules = rulesOf({
      exitCode: 0,
      stderr: '',
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
