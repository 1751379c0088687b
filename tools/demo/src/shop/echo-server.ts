import { serveEcho } from './echo.ts';

// Arguments: the container's name, then its ports.
const [name = 'echo', ...ports] = process.argv.slice(2);
serveEcho({ name, ports: ports.map(Number), env: process.env });
// A container without ports still runs.
setInterval(() => {}, 1 << 30);
process.on('SIGTERM', () => process.exit(0));
