import { setting, type OptionsOf } from '@flotilla/std';

export const proxyProgram = {
  name: 'proxy',
  describe:
    'Connects to pilot as a proxy, prints what it is sent, then what changes, until Ctrl-C. It carries no traffic.\n\n' +
    'Exit codes: 0 when it is stopped or --once is done, 1 when --once has timed out, 2 for a flag that cannot be used.',
  settings: {
    pilot: setting.text("HOST:PORT of pilot's plaintext xDS port", '127.0.0.6:15010'),
    as: setting.text('the proxy: NAME.NAMESPACE of its pod', 'sleep.default'),
    type: setting.choice('the kind of proxy', ['sidecar', 'router'], { value: 'sidecar' }),
    ip: setting.text('address of its pod, by which pilot knows its workload', '127.0.0.1'),
    label: setting.list('label NAME=VALUE of its pod, used if pilot does not know the pod', []),
    all: setting.toggle('list all names at the start, however many there are'),
    diff: setting.toggle('show what differs in each resource that changes'),
    show: setting.optionalText('print the resources whose name contains this, as JSON, and again when they change'),
    once: setting.toggle('end when everything that was requested has arrived'),
    wait: setting.duration('with --once: how long to wait', '30s'),
    json: setting.toggle('print one JSON object a line: {at, kind, changes: [{type, name, before, after}]}'),
  },
};
export type ProxyOptions = OptionsOf<typeof proxyProgram.settings>;

/** The node of the proxy's first request. Throws an error that names an option that is not valid. */
export function nodeOf({ as, type, ip, label }: ProxyOptions): {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
} {
  const [name = '', namespace = '', ...rest] = as.split('.');
  if (name === '' || namespace === '' || rest.length > 0)
    throw new Error(`--as ${as} is not NAME.NAMESPACE, such as sleep.shop`);
  const labels = label.map((text) => {
    const [key = '', value, ...more] = text.split('=');
    if (key === '' || value === undefined || more.length > 0) throw new Error(`--label ${text} is not NAME=VALUE`);
    return [key, value] as const;
  });
  return {
    id: `${type}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    metadata: {
      NAMESPACE: namespace,
      INSTANCE_IPS: ip,
      ISTIO_VERSION: '1.19.0',
      CLUSTER_ID: 'Kubernetes',
      ...(labels.length > 0 ? { LABELS: Object.fromEntries(labels) } : {}),
    },
  };
}
