import type { FuzzTarget } from '../target.ts';
import { documents } from './documents.ts';
import { csrs, tokens } from './identities.ts';
import { requests } from './requests.ts';
import { reviews } from './reviews.ts';
import { durations, quantities } from './texts.ts';

/** What is fuzzed. */
export const targets: readonly FuzzTarget[] = [durations, quantities, documents, reviews, csrs, tokens, requests];
