// A text from outside is read within limits.
import { parse } from 'yaml'; // refused: @typescript-eslint/no-restricted-imports

export const unbounded = parse;
