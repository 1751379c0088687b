import { expect, it } from 'vitest';
import { buildServiceRules } from './service-proxy.ts';

it("leads a Service's address to its endpoints, each as likely, and nowhere without any", () => {
  const text = buildServiceRules([
    {
      clusterIP: '10.96.0.10',
      port: 80,
      protocol: 'tcp',
      endpoints: [
        { ip: '10.244.0.2', port: 8080 },
        { ip: '10.244.0.3', port: 8080 },
        { ip: '10.244.0.4', port: 8080 },
      ],
    },
    { clusterIP: '10.96.0.11', port: 80, protocol: 'tcp', endpoints: [] },
  ]);
  const rules = text.split('\n').filter((line) => line.startsWith('-A OUTPUT'));
  expect(rules.map((line) => /--probability ([\d.]+)/.exec(line)?.[1])).toEqual(['0.333333', '0.500000', undefined]);
  expect(rules.every((line) => line.includes('-d 10.96.0.10/32 -p tcp -m tcp --dport 80'))).toBe(true);
  expect(text).not.toContain('10.96.0.11');
  expect(text.split('\n').at(-2)).toBe('COMMIT');
});
