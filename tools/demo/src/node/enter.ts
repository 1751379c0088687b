import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Set in processes that have namespaces of their own. */
const marker = 'FLOTILLA_NODE';
export const isInNode = (): boolean => process.env[marker] === '1';

/** Without root, all the ids of /etc/subuid are mapped: the sidecar and the CA have users of their own. */
const userFlags = (): readonly string[] =>
  process.getuid?.() === 0 ? [] : ['--user', '--map-root-user', '--map-auto'];

/** The start of a command line that may do what it likes with the files of a node's users. */
export const asNodeUsers = (): readonly string[] => (userFlags().length === 0 ? [] : ['unshare', ...userFlags()]);

/**
 * The command line that runs another one in namespaces of its own: network, mounts and processes, so that whatever is
 * done in them is gone with it; without root, in a user namespace.
 */
export function nodeCommand(command: readonly string[]): string[] {
  return [
    'unshare',
    ...userFlags(),
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--mount-proc',
    '--kill-child=SIGKILL',
    'env',
    `${marker}=1`,
    `PATH=${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    'sh',
    '-c',
    'ip link set lo up && exec "$@"',
    'sh',
    ...command,
  ];
}

/** Why nodes can't be made here and what to do about it; undefined when they can. */
export function whyNoNode(): string | undefined {
  const missing = [
    ['ip', 'iproute2'],
    ['iptables-restore', 'iptables'],
  ]
    .filter(([tool = '']) => !['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((dir) => existsSync(`${dir}/${tool}`)))
    .map(([, name]) => name);
  if (missing.length > 0) return `${missing.join(' and ')} missing; install ${missing.join(' ')}`;
  const [program = '', ...args] = nodeCommand(['ip', 'link', 'add', 'probe', 'type', 'bridge']);
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return undefined;
  const reason = error?.message ?? stderr.trim().split('\n').at(-1) ?? '';
  return process.getuid?.() === 0
    ? `this machine does not let root make network namespaces (${reason}); run outside of a container, or in one with CAP_SYS_ADMIN and CAP_NET_ADMIN`
    : `no root, and no usable user namespaces (${reason}); run as root, or install uidmap and give ${process.env['USER'] ?? 'this user'} a range in /etc/subuid and /etc/subgid`;
}
