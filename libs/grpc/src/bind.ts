import type { Server, ServerCredentials } from '@grpc/grpc-js';

/** Binds a server; resolves with the port in use. The error of an occupied address has its `code`, which grpc-js keeps only in the text. */
export const bind = (server: Server, address: string, tls: ServerCredentials): Promise<number> => new Promise((resolve, reject) => {
  server.bindAsync(address, tls, (error, port) => (error ? reject(withCode(error)) : resolve(port)));
});

function withCode(error: Error): Error {
  const [code] = /\bE[A-Z]{4,}\b/.exec(error.message) ?? [];
  return code ? Object.assign(error, { code }) : error;
}

/** Lets running calls end, for so long; then ends them. */
export const closeServer = (server: Server, withinMs = 2000): Promise<void> => new Promise((resolve) => {
  const force = setTimeout(() => server.forceShutdown(), withinMs);
  server.tryShutdown(() => {
    clearTimeout(force);
    resolve();
  });
});
