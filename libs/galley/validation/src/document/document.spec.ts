import { describe } from 'vitest';
import { goldenPairs } from '@flotilla/testing';
import { validateDocument } from './document.ts';

describe('golden pairs: what istioctl validate says of documents', () => {
  goldenPairs(import.meta.dirname, (documents) => documents.map((document) => validateDocument(document)));
});
