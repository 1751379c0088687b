import { podNetwork } from './network.ts';
import { run } from './shell.ts';

/** One port of a Service, and where it leads. */
export interface ServicePort {
  readonly clusterIP: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly endpoints: readonly { readonly ip: string; readonly port: number }[];
}

/**
 * The node's NAT table: what goes to a Service's address goes to one of its endpoints, each as likely. The server sees
 * the node as the peer, so that its answers come back the way they went (Kubernetes, "Virtual IPs and Service Proxies",
 * iptables mode).
 */
export function buildServiceRules(ports: readonly ServicePort[]): string {
  const rules = ports.flatMap(({ clusterIP, port, protocol, endpoints }) =>
    endpoints.flatMap(({ ip, port: target }, i) => {
      const left = endpoints.length - i;
      const chance = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(6)}` : '';
      return ['PREROUTING', 'OUTPUT'].map(
        (chain) =>
          `-A ${chain} -d ${clusterIP}/32 -p ${protocol} -m ${protocol} --dport ${port}${chance} -j DNAT --to-destination ${ip}:${target}`,
      );
    }),
  );
  return [
    '*nat',
    ...rules,
    `-A POSTROUTING -d ${podNetwork}.0.0/16 -m conntrack --ctstate DNAT -j MASQUERADE`,
    'COMMIT',
    '',
  ].join('\n');
}

/** Puts rules in force; those of before are gone. One at a time: the latest wins. */
export function createServiceProxy(): { apply(ports: readonly ServicePort[]): Promise<void> } {
  let current = '';
  let chain: Promise<unknown> = Promise.resolve();
  return {
    apply(ports) {
      const text = buildServiceRules(ports);
      const turn = chain.then(async () => {
        if (text === current) return;
        await run('iptables-restore', [], text);
        current = text;
      });
      chain = turn.catch(() => {});
      return turn;
    },
  };
}
