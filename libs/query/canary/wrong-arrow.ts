// Lint must refuse this: std depends on nothing but std.
import { step } from '@flotilla/ads';

export const wrong: unknown = step;
