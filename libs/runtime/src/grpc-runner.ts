import { listen, type GrpcService, type ListenOptions } from '@flotilla/grpc';
import type { Logger } from '@flotilla/observability-port';
import { aborted } from '@flotilla/std';
import type { Runner } from './runners.ts';

export interface GrpcRunnerOptions extends ListenOptions {
  readonly name: string;
  readonly log: Logger;
  readonly services: readonly GrpcService[];
  readonly at: { readonly host: string; readonly port: number };
  /** The port is opened once this is done, as a certificate may have to be there first. */
  readonly after?: Promise<unknown>;
}

/** Serves gRPC until the signal aborts; `listening` resolves with the port in use. */
export function grpcRunner({ name, log, services, after, ...options }: GrpcRunnerOptions): {
  readonly runner: Runner;
  readonly listening: Promise<number>;
} {
  const listening = Promise.withResolvers<number>();
  const run: Runner['run'] = async (signal, started) => {
    await Promise.race([after, aborted(signal)]);
    if (signal.aborted) return;
    const { port, close } = await listen(services, options);
    started();
    listening.resolve(port);
    log.info('serving', { what: name, at: `${options.at.host}:${port}` });
    await aborted(signal);
    await close();
  };
  return { runner: { name, run }, listening: listening.promise };
}
