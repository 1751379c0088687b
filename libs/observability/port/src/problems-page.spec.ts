import { describe, expect, it } from 'vitest';
import { problemsPage } from './problems-page.ts';

const problem = { code: 'IST0106', level: 'error', message: 'invalid host *' } as const;
const ask = async (problems: Parameters<typeof problemsPage>[0], wantsJson = false) =>
  problemsPage(problems).answer({ query: new URLSearchParams(), wantsJson });

describe('problemsPage', () => {
  it('says in a line what is wrong, and where', async () => {
    const { text } = await ask(() => [
      { ...problem, origin: 'a.yaml#1', resource: 'ServiceEntry shop/a', path: 'spec.hosts[0]' },
      { code: 'not-generated', level: 'error', message: 'odd', member: 'cluster x', objects: ['services shop/a'] },
    ]);
    expect(text.split('\n')).toEqual([
      'error IST0106 a.yaml#1 ServiceEntry shop/a spec.hosts[0]: invalid host *',
      'error not-generated cluster x: odd; made from services shop/a',
      '',
    ]);
  });

  it('states that nothing is wrong', async () => {
    expect((await ask(() => [])).text).toBe('no problems\n');
  });

  it('contains all fields in JSON', async () => {
    const { contentType, text } = await ask(() => [{ ...problem, since: 'today' }], true);
    expect([contentType, JSON.parse(text)]).toEqual([
      'application/json',
      { problems: [{ ...problem, since: 'today' }] },
    ]);
  });

  it('shows at most 1000, errors first, and how many more there are', async () => {
    const many = Array.from({ length: 1500 }, (_, i) => ({
      code: 'c',
      level: i < 1400 ? ('warning' as const) : ('error' as const),
      message: `${i}`,
    }));
    const page = JSON.parse((await ask(() => many, true)).text) as { problems: typeof many; more: number };
    expect([page.problems.length, page.problems[0]?.message, page.problems[100]?.message, page.more]).toEqual([
      1000,
      '1400',
      '0',
      500,
    ]);
    expect((await ask(() => many)).text).toContain('... and 500 more');
  });
});
