import type { Machine } from './machine.ts';
import { run } from './programs.ts';

/** The two ends of the wire between this machine and a cluster. */
export interface Wire {
  readonly host: string;
  readonly node: string;
}

/**
 * Connects the namespaces of a machine to the host's network, with addresses of 172.30.0.0/16 that no other cluster
 * uses. The link disappears with the namespaces.
 */
export function connectMachine(machine: Machine): Wire {
  const taken = run(['ip', '-4', '-o', 'address']);
  const number = Array.from({ length: 256 }, (_, index) => index).find((index) => !taken.includes(` 172.30.${index}.`));
  if (number === undefined) throw new Error('all addresses for clusters are in use: stop some with `down`');
  const [host, node, link] = [`172.30.${number}.1`, `172.30.${number}.2`, `flotilla${number}`];
  run(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(machine.first)]);
  run(['ip', 'address', 'add', `${host}/24`, 'dev', link]);
  run(['ip', 'link', 'set', link, 'up']);
  machine.run(['ip', 'address', 'add', `${node}/24`, 'dev', 'eth0']);
  machine.run(['ip', 'link', 'set', 'eth0', 'up']);
  machine.run(['ip', 'route', 'add', 'default', 'via', host]);
  return { host, node };
}
