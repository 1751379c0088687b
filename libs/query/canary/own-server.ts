// Lint must refuse this: servers are made where their deadlines and limits are.
import { createServer } from 'node:http';

export const unguarded = createServer;
