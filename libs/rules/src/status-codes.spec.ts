import { STATUS_CODES } from 'node:http';
import { expect, it } from 'vitest';
import { grpcStatusOf, isHttpStatus } from './status-codes.ts';

it('knows the status codes of HTTP that Node names, but 306, 509 and those from 600', () => {
  const unnamed = new Set(['509']);
  const named = Object.keys(STATUS_CODES).filter((code) => !unnamed.has(code));
  const found = Array.from({ length: 1000 }, (_, code) => code).filter(isHttpStatus);
  expect(found.map(String)).toEqual(named);
});

it('knows the numbers of status codes of gRPC by name', () => {
  expect(['OK', 'NOT_FOUND', 'UNAVAILABLE', 'UNAUTHENTICATED'].map(grpcStatusOf)).toEqual([0, 5, 14, 16]);
  expect(['', 'ok', 'CANCELED', 'constructor'].map(grpcStatusOf)).toEqual(Array(4).fill(undefined));
});
