import { Command, InvalidArgumentError } from 'commander';

export interface Options { readonly bind: string; readonly grpcPort: number; readonly monitoringPort: number; readonly configDir: readonly string[]; readonly logOutputLevel: string }

const port = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) throw new InvalidArgumentError('a port is a number from 0 to 65535');
  return number;
};

/** Flags over environment over defaults; an unknown flag ends the process with code 2. */
export const parseOptions = (args: readonly string[]): Options => new Command('istiod')
  .description('The whole control plane in one process: reads configuration from files, serves xDS.')
  .option('--bind <address>', 'address of all ports', process.env['ISTIOD_BIND'] ?? '127.0.0.6')
  .option('--grpc-port <port>', 'plaintext xDS (0: any)', port, 15010)
  .option('--monitoring-port <port>', 'health and metrics (0: any)', port, 15014)
  .requiredOption('--config-dir <path>', 'file or folder of YAML; repeatable', (path: string, all: readonly string[] | undefined) => [...(all ?? []), path])
  .option('--log-output-level <levels>', 'default:info,ads:debug', 'default:info')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse([...args], { from: 'user' })
  .opts<Options>();
