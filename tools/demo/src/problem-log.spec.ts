import { expect, it } from 'vitest';
import { createProblemLog, followProblems } from './problem-log.ts';

const problem = (text: string) => ({ text, isInForce: false });

it('says each problem once, and when it is solved', () => {
  const said: string[] = [];
  const log = createProblemLog((line) => said.push(line));
  for (const texts of [['a', 'b'], ['a', 'b'], ['b', 'c'], []]) log.update(texts.map(problem));
  expect(said).toEqual(['  a', '  b', '  c', '  solved: a', '  solved: b', '  solved: c']);
});

it('takes the absence of galley for no news', async () => {
  const said: string[] = [];
  const stop = new AbortController();
  const log = createProblemLog((line) => said.push(line));
  log.update([problem('a')]);
  const problems = () => {
    stop.abort();
    return Promise.reject(new Error('connect ECONNREFUSED'));
  };
  await followProblems(log, { problems, signal: stop.signal });
  expect(said).toEqual(['  a']);
});
