import { describe, expect, it } from 'vitest';
import { areas } from '../areas.ts';
import { accepts, readAccepted } from './accepted.ts';

const read = (text: string) => readAccepted(['xds'], text);

describe('accepted differences', () => {
  it('of this repository can be read', () => {
    expect(() => readAccepted(Object.keys(areas))).not.toThrow();
  });
  it('name a case, a reason and a decision', () => {
    expect(read('xds: [{case: a, reason: because, adr: 1}]').get('xds')).toEqual([
      { case: 'a', reason: 'because', adr: 1 },
    ]);
    expect(() => read('xds: [{case: a, adr: 1}]')).toThrow('lacks its case or its reason');
    expect(() => read('xds: [{case: a, reason: because, adr: 4711}]')).toThrow('names ADR 4711');
    expect(() => read('nothing: [{case: a, reason: because, adr: 1}]')).toThrow('nothing is not an area');
    expect(() => read('xds: [')).toThrow('accepted.yaml');
  });
  it('hold for the case wherever its folder is', () => {
    const entry = { case: 'cases/a', reason: 'because', adr: 1 };
    expect(['cases/a', 'more/x/cases/a', 'cases/b', 'other-cases/a'].map((name) => accepts(entry, name))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
