import { writeFileSync } from 'node:fs';
import { run } from './shell.ts';

/** Addresses of the node's network, as in a small cluster. */
export const podNetwork = '10.244';
export const nodeAddress = `${podNetwork}.0.1`;
const bridge = 'mesh0';
/** A pod's interface on the bridge; names of interfaces have at most 15 characters. */
const hostEnd = (index: number): string => `pod${index}`;

export interface PodNetwork {
  readonly ip: string;
  readonly namespace: string;
}
export interface Network {
  /** A network namespace with an address of its own, and the node as its way to everything else. */
  attach(name: string): Promise<PodNetwork>;
  detach(pod: PodNetwork): Promise<void>;
  /** Takes the bridge away; another network may be made then. */
  close(): Promise<void>;
}

/**
 * The node's network: a bridge, and everything that happens on it stays in the network namespace of this process.
 * Packets between pods don't pass through it; those to a Service's address do, where the node sends them on to a pod.
 */
export async function createNetwork(): Promise<Network> {
  await run('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run']);
  await run('mkdir', ['-p', '/run/netns', '/run/lock']);
  await run(
    'ip',
    ['-batch', '-'],
    [`link add ${bridge} type bridge`, `addr add ${nodeAddress}/16 dev ${bridge}`, `link set ${bridge} up`].join('\n'),
  );
  for (const [name, value] of [
    ['ip_forward', 1],
    ['conf/all/rp_filter', 0],
    ['conf/default/rp_filter', 0],
    ['conf/all/send_redirects', 0],
    [`conf/${bridge}/send_redirects`, 0],
    [`conf/${bridge}/rp_filter`, 0],
  ] as const) {
    writeFileSync(`/proc/sys/net/ipv4/${name}`, String(value));
  }
  const free: number[] = [];
  let used = 1;
  return {
    async attach(name) {
      const index = free.shift() ?? (used += 1);
      const ip = `${podNetwork}.${index >> 8}.${index & 0xff}`;
      const outside = hostEnd(index);
      await run(
        'ip',
        ['-batch', '-'],
        [
          `netns add ${name}`,
          `link add ${outside} type veth peer name eth0 netns ${name}`,
          `link set ${outside} master ${bridge} up`,
        ].join('\n'),
      );
      await run(
        'ip',
        ['-n', name, '-batch', '-'],
        [
          'link set lo up',
          `addr add ${ip}/16 dev eth0`,
          'link set eth0 up',
          `route add default via ${nodeAddress}`,
        ].join('\n'),
      );
      return { ip, namespace: name };
    },
    async detach({ ip, namespace }) {
      const [, , high = '0', low = '0'] = ip.split('.');
      const index = Number(high) * 256 + Number(low);
      await run('ip', ['-batch', '-'], [`link del ${hostEnd(index)}`, `netns del ${namespace}`].join('\n'));
      free.push(index);
    },
    async close() {
      await run('ip', ['link', 'del', bridge]);
      await run('umount', ['-l', '/run']);
    },
  };
}
