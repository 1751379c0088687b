// Servers are made where their deadlines and limits are.
import { createServer } from 'node:http'; // refused: @typescript-eslint/no-restricted-imports

export const unguarded = createServer;
