import { createServer } from 'node:http';
import { Command, InvalidArgumentError } from 'commander';
import { serveEcho, serveShop } from '@flotilla/demo/stand-ins';
import { createClient, clientHandler } from './client.ts';

const port = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) throw new InvalidArgumentError('not a port');
  return number;
};
const rate = (text: string): number => {
  const number = Number(text);
  if (!(number > 0 && number <= 10_000)) throw new InvalidArgumentError('not a number from 0 to 10000');
  return number;
};

/** The program in the pods of tests on a cluster: servers that report requests, and clients that report answers. */
const program = new Command('testing-app').description('Applications for tests on a cluster.');
program
  .command('echo')
  .description(
    'answer HTTP/1.1 and HTTP/2 with the request that was received, and echo other bytes (HOSTNAME, POD_APP, POD_VERSION)',
  )
  .argument('<name>', "the container's name")
  .argument('<port...>', 'ports')
  .action((name: string, ports: readonly string[]) => serveEcho({ name, ports: ports.map(port), env: process.env }));
program
  .command('shop')
  .description('a service of the shop, which calls others (NAME, VERSION, PORT, UPSTREAMS)')
  .action(() => serveShop(process.env));
program
  .command('client')
  .description(
    [
      'send requests, and report their results on a port:',
      'GET /counts, POST /reset (the counts, which then start again),',
      'GET /request?url=URL&header=NAME:VALUE&method=METHOD (one request)',
    ].join(' '),
  )
  .option('--port <port>', 'where it answers', port, 8080)
  .option('--target <url>', 'where a continuous load goes')
  .option('--rate <number>', 'requests per second of that load', rate, 20)
  .action(({ port: clientPort, target, rate: perSecond }: { port: number; target?: string; rate: number }) => {
    const client = createClient(target === undefined ? undefined : { url: new URL(target), perSecond });
    createServer({ keepAliveTimeout: 0 }, clientHandler(client)).listen(clientPort, '::', () =>
      console.log(`client: answers on port ${clientPort}`),
    );
  });
process.on('SIGTERM', () => process.exit(0));
await program.parseAsync();
