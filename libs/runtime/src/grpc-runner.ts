import type { ServerOptions } from '@grpc/grpc-js';
import { listen, type GrpcService, type ListenAddress } from '@flotilla/grpc';
import type { Logger } from '@flotilla/observability-port';
import { aborted } from '@flotilla/std';
import type { Runner } from './runners.ts';

export interface GrpcRunnerOptions {
  readonly name: string;
  readonly log: Logger;
  readonly services: readonly GrpcService[];
  /** Asked for once `after` is done, as a certificate may have to be there first. */
  addresses(): readonly ListenAddress[];
  readonly after?: Promise<unknown>;
  readonly options?: ServerOptions;
}

/** Serves gRPC until stopped; `listening` resolves with the ports in use. */
export function grpcRunner({ name, log, services, addresses, after, options }: GrpcRunnerOptions): { readonly runner: Runner; readonly listening: Promise<readonly number[]> } {
  const listening = Promise.withResolvers<readonly number[]>();
  const run = async (signal: AbortSignal): Promise<void> => {
    await Promise.race([after, aborted(signal)]);
    if (signal.aborted) return;
    const wanted = addresses();
    const { ports, close } = await listen(services, wanted, options);
    listening.resolve(ports);
    log.info('serving', { what: name, at: wanted.map(({ address }, i) => address.replace(/:\d+$/, `:${ports[i]}`)) });
    await aborted(signal);
    await close();
  };
  return { runner: { name, run }, listening: listening.promise };
}
