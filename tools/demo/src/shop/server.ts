import { serveShop } from './shop.ts';

serveShop(process.env);
process.on('SIGTERM', () => process.exit(0));
