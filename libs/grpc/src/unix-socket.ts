import { chmod, rm } from 'node:fs/promises';
import { listen, type GrpcService, type Listening, type ListenOptions } from './listen.ts';

/**
 * Serves on a Unix socket that this user and its group may use; one that was left behind is replaced. `close` takes it
 * away.
 */
export async function listenOnSocket(
  path: string,
  services: readonly GrpcService[],
  options: Omit<ListenOptions, 'at' | 'tls'>,
): Promise<Pick<Listening, 'close'>> {
  await rm(path, { force: true });
  const listening = await listen(services, { ...options, at: { path } });
  await chmod(path, 0o660);
  return {
    async close(withinMs) {
      await listening.close(withinMs);
      await rm(path, { force: true });
    },
  };
}
