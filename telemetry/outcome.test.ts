import { expect, test } from 'vitest';
import type { ErrorType, Outcome } from './contract/values.ts';
import { errorTypeOf, outcomeOf } from './outcome.ts';

test.each<[number, ErrorType | undefined, Outcome, string | undefined]>([
  [200, undefined, 'ok', undefined],
  [204, undefined, 'ok', undefined],
  [400, undefined, 'client_error', '400'],
  [404, 'invalid_request', 'client_error', 'invalid_request'],
  [429, undefined, 'client_error', '429'],
  [429, 'overloaded', 'rejected', 'overloaded'],
  [500, undefined, 'server_error', '500'],
  [502, 'connection_error', 'server_error', 'connection_error'],
  [503, 'no_backend', 'rejected', 'no_backend'],
  [504, 'timeout_headers', 'timeout', 'timeout_headers'],
  [200, 'stream_truncated', 'server_error', 'stream_truncated'],
  [200, 'client_disconnected', 'cancelled', 'client_disconnected'],
  [0, 'client_disconnected', 'cancelled', 'client_disconnected'],
  [0, undefined, 'server_error', undefined],
])('status %i with %s is %s', (status, errorType, outcome, label) => {
  expect(outcomeOf(status, errorType)).toBe(outcome);
  expect(errorTypeOf(status, errorType)).toBe(label);
});
