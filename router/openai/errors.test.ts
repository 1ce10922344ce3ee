import { expect, test } from 'vitest';
import { ApiError, errorBody, errorHeaders, errorKinds } from './errors.ts';
import { asApiError } from './framework-errors.ts';

test('an error has OpenAI’s shape', () => {
  expect(JSON.parse(errorBody(new ApiError('model_not_found', 'No such model.', 'model')))).toEqual(
    {
      error: {
        message: 'No such model.',
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
      },
    },
  );
  expect(JSON.parse(errorBody(new ApiError('not_found', 'Nothing.'))).error.param).toBeNull();
});

test('codes are unique, statuses are errors, everything has a remedy', () => {
  const kinds = Object.entries(errorKinds);
  expect(new Set(kinds.map(([, { code }]) => code)).size).toBe(kinds.length);
  for (const [name, { status, code, remedy }] of kinds) {
    expect(code).toBe(name);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(remedy).toMatch(/^[A-Z].*\.$/);
  }
});

test('a model without a ready replica is worth another try in a second', () => {
  const headers = errorHeaders(new ApiError('no_ready_replica', '', 'model'), 2);
  expect(headers.slice(-4)).toEqual(['retry-after', '1', 'retry-after-ms', '1000']);
  expect(headers).not.toContain('x-should-retry');
});

test('the case may say how long to wait, and more headers', () => {
  const details = { retryAfterMs: 1_200, headers: ['x-ratelimit-limit-requests', '5'] };
  const error = new ApiError('rate_limit_exceeded', 'Too many.', null, details);
  expect(errorHeaders(error, 2).slice(4)).toEqual([
    ...['retry-after', '2', 'retry-after-ms', '1200'],
    ...['x-ratelimit-limit-requests', '5'],
  ]);
});

test('when every replica has failed, SDKs are told not to try again', () => {
  const headers = errorHeaders(new ApiError('replica_failed', ''), 2);
  expect(headers.slice(4)).toEqual(['x-should-retry', 'false']);
});

test('what nobody foresaw is an internal error that tells the client nothing of its cause', () => {
  const cause = new TypeError('secret is undefined');
  const error = asApiError(cause);
  expect(error.kind.code).toBe('internal_error');
  expect(error.cause).toBe(cause);
  expect(errorBody(error)).not.toContain('secret');
});
