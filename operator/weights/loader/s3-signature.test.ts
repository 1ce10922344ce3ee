import { expect, test } from 'vitest';
import { signedHeaders } from './s3-signature.ts';

/** The examples of AWS, "Signature Calculations for the Authorization Header: Single Chunk". */
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: undefined,
  region: 'us-east-1',
};
const now = new Date('2013-05-24T00:00:00Z');

test.each([
  ['?lifecycle', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
  ['?prefix=J&max-keys=2', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
])('GET %s is signed as AWS says', (query, signature) => {
  const url = new URL(`https://examplebucket.s3.amazonaws.com/${query}`);
  expect(signedHeaders(url, credentials, now)).toEqual({
    'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-amz-date': '20130524T000000Z',
    authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
  });
});

test('a session token is sent and signed', () => {
  const url = new URL('https://bucket.s3.amazonaws.com/key');
  const headers = signedHeaders(url, { ...credentials, sessionToken: 'T' }, now);
  expect(headers['x-amz-security-token']).toBe('T');
  expect(headers.authorization).toContain('x-amz-date;x-amz-security-token');
});
