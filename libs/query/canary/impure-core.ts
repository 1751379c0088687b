// Lint must refuse this: a core opens no file.
import { readFileSync } from 'node:fs';

export const impure = readFileSync;
