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
  expect(headers.slice(-2)).toEqual(['retry-after', '1']);
  expect(headers).not.toContain('x-should-retry');
});

test('what nobody foresaw is an internal error that tells the client nothing of its cause', () => {
  const cause = new TypeError('secret is undefined');
  const error = asApiError(cause);
  expect(error.kind.code).toBe('internal_error');
  expect(error.cause).toBe(cause);
  expect(errorBody(error)).not.toContain('secret');
});
