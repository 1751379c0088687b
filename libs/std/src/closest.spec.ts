import { expect, it } from 'vitest';
import { closest } from './index.ts';

it.each([
  ['VirtualServise', 'VirtualService'],
  ['virtualservice', 'VirtualService'],
  ['Gatway', 'Gateway'],
  ['Deployment', undefined],
  ['', undefined],
  ['x'.repeat(1000), undefined],
])('what is meant by %s', (text, meant) => expect(closest(text, ['Gateway', 'VirtualService', 'Service'])).toBe(meant));
