import { expect, test } from 'vitest';
import { maskSecrets } from './mask.ts';

test.each([
  ['401 for token hf_AbCdEfGhIjKlMnOpQrSt at the hub', '401 for token *** at the hub'],
  ['--api-key sk-proj-0123456789abcdef --port 1', '--api-key *** --port 1'],
  ['HF_TOKEN=Zz9-secret-Value', 'HF_TOKEN=***'],
  ['{"password": "p4ssW0rd!", "user": "a"}', '{"password": "***", "user": "a"}'],
  ['authorization: Bearer abc.DEF-123', 'authorization: Bearer ***'],
  ['cannot reach https://me:hunter2@host/x', 'cannot reach https://me:***@host/x'],
  ['AKIAABCDEFGHIJKLMNOP is unknown', '*** is unknown'],
  [
    'GET https://b.s3/x?X-Amz-Signature=00ff&X-Amz-Date=1',
    'GET https://b.s3/x?X-Amz-Signature=***&X-Amz-Date=1',
  ],
  ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc ends', 'jwt *** ends'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n', '***'],
])('%s', (text, masked) => {
  expect(maskSecrets(text)).toBe(masked);
});

test.each([
  'error: invalid argument: --nonsense',
  'the token is not valid',
  'max_tokens must be at most 4096',
  'key error: model.layers.0',
  "failed to load model, '/models/other.gguf'",
  'tokenizer.json is missing',
])('left as it is: %s', (text) => {
  expect(maskSecrets(text)).toBe(text);
});
