import { expect, test } from 'vitest';
import { isEngineDown } from './engine-state.ts';

test.each([
  '{"error":{"message":"EngineCore encountered an issue. See stack trace (above) for the root cause.","type":"InternalServerError","param":null,"code":500}}',
  '{"error":{"message":"llama runner process has terminated: exit status 2","type":"api_error"}}',
  '{"error":{"message":"timed out waiting for llama runner to start","type":"api_error"}}',
  '{"error":{"code":500,"message":"Loading model","type":"unavailable_error"}}',
])('%s is of an engine that serves nobody', (body) => {
  expect(isEngineDown(body)).toBe(true);
});

test.each([
  '{"error":{"message":"Internal server error","type":"InternalServerError","code":500}}',
  '{"error":{"code":500,"message":"Compute error.","type":"server_error"}}',
  '',
])('%s may be of this request alone', (body) => {
  expect(isEngineDown(body)).toBe(false);
});
