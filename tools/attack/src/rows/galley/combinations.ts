import { table } from '../../attack.ts';
import { huge, many, resource } from './huge.ts';

const http = { protocol: 'HTTP', name: 'http' };
const gateway = (ports: number, labels: number): string =>
  JSON.stringify(
    resource('Gateway', {
      selector: Object.fromEntries(many(labels, (i) => [`label-${i}`, 'a'])),
      servers: many(ports, (i) => ({ port: { ...http, name: `http-${i}`, number: i + 1 }, hosts: ['a.test'] })),
    }),
  );

/** Objects that are combined with themselves or with others: a small change of one has all of the other's size. */
export const combinations = table({ service: 'galley', kind: 'combinations' }, [
  huge('a Gateway with 500 ports and 2,000 labels in its selector', () => gateway(500, 2000)),
  huge('a Gateway with 8,000 ports', () => gateway(8000, 1)),
]);
