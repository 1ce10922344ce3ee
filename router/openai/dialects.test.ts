import { expect, test } from 'vitest';
import { errorBody, errorEvent } from './dialects.ts';
import { ApiError, type ErrorName } from './errors.ts';

test.each<[ErrorName, string]>([
  ['invalid_json', 'invalid_request_error'],
  ['invalid_api_key', 'authentication_error'],
  ['model_not_allowed', 'permission_error'],
  ['model_not_found', 'not_found_error'],
  ['body_too_large', 'request_too_large'],
  ['rate_limit_exceeded', 'rate_limit_error'],
  ['replica_failed', 'api_error'],
  ['no_ready_replica', 'overloaded_error'],
])('%s is %s for Anthropic’s clients', (name, type) => {
  expect(JSON.parse(errorBody(new ApiError(name, 'Why.'), 'anthropic', 'r1'))).toEqual({
    type: 'error',
    error: { type, message: 'Why.' },
    request_id: 'r1',
  });
});

test('an error in a stream is one event of the stream’s dialect', () => {
  const error = new ApiError('stream_truncated', 'Why.');
  expect(errorEvent(error, 'openai', 'r1')).toMatch(/^data: \{"error":\{.*\}\}\n\n$/);
  expect(errorEvent(error, 'anthropic', 'r1')).toMatch(
    /^event: error\ndata: \{"type":"error",.*\}\n\n$/,
  );
});
