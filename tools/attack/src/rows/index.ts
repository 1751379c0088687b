import type { Attack } from '../attack.ts';
import { processes } from './all/processes.ts';
import { connections } from './all/connections.ts';
import { tokens } from './citadel/tokens.ts';
import { durations as fileDurations } from './galley/durations.ts';
import { yamlBombs } from './galley/yaml-bombs.ts';
import { texts } from './injector/texts.ts';
import { requests } from './pilot/requests.ts';

/** The table: rows of one kind of attack on one service are a file. What disturbs comes last. */
export const rows: readonly Attack[] = [...texts, ...fileDurations, ...yamlBombs, ...requests, ...tokens, ...connections, ...processes];
