import { Command, InvalidArgumentError } from 'commander';

export interface Options {
  readonly bind: string;
  readonly grpcPort: number;
  readonly monitoringPort: number;
  readonly trustDomain: string;
  readonly rootFile: string;
  readonly rootCertOut?: string;
  readonly defaultCertTtl: number;
  readonly maxCertTtl: number;
  readonly jwksFile?: string;
  readonly jwtIssuer: string;
  readonly jwtAudience: string;
  readonly bootstrapTokensFile?: string;
  readonly dnsName: readonly string[];
  readonly logOutputLevel: string;
}

const port = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) throw new InvalidArgumentError('a port is a number from 0 to 65535');
  return number;
};

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const duration = (text: string): number => {
  const [, amount = '', unit = ''] = /^(\d{1,9})([smh])$/.exec(text) ?? [];
  const ms = Number(amount) * (units[unit] ?? 0);
  if (ms <= 0) throw new InvalidArgumentError('a duration is a number with s, m or h: 24h');
  return ms;
};

/** Flags over environment over defaults; an unknown flag ends the process with code 2. */
export const parseOptions = (args: readonly string[]): Options => {
  const { env } = process;
  const options = new Command('citadel')
    .description('The certificate authority: signs the certificates of workloads and of the control plane.')
    .option('--bind <address>', 'address of all ports [CITADEL_BIND]', env['CITADEL_BIND'] ?? '127.0.0.4')
    .option('--grpc-port <port>', 'certificate service, TLS (0: any)', port, 15022)
    .option('--monitoring-port <port>', 'health and metrics (0: any)', port, 15014)
    .option('--trust-domain <name>', 'first part of every identity', 'cluster.local')
    .option('--root-file <path>', 'key and certificate of the self-signed root, made when missing, mode 0600 [CITADEL_ROOT_FILE]', env['CITADEL_ROOT_FILE'] ?? '.cache/citadel/root.pem')
    .option('--root-cert-out <path>', 'write the root certificate here for peers')
    .option('--default-cert-ttl <duration>', 'lifetime when none is asked for', duration, duration('24h'))
    .option('--max-cert-ttl <duration>', 'longest lifetime', duration, duration('2160h'))
    .option('--jwks-file <path>', 'keys of service account tokens (JWKS), read again when changed; without it such tokens are refused')
    .option('--jwt-issuer <url>', 'issuer of service account tokens', 'https://kubernetes.default.svc.cluster.local')
    .option('--jwt-audience <name>', 'audience of service account tokens', 'istio-ca')
    .option('--bootstrap-tokens-file <path>', 'JSON object of control-plane service: token, read again when changed')
    .option('--dns-name <name>', 'DNS name of this service; repeatable', (name: string, all: readonly string[]) => [...all, name], ['istio-citadel.istio-system.svc', 'localhost'])
    .option('--log-output-level <levels>', 'default:info,serverca:debug', 'default:info')
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse([...args], { from: 'user' });
  return options.opts<Options>();
};
