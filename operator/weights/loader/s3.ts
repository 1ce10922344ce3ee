import { LoadError } from './errors.ts';
import { type Explain, get } from './http.ts';
import { type Lister, selected } from './remote-file.ts';
import { escaped, type S3Credentials, signedHeaders } from './s3-signature.ts';

/**
 * `s3://bucket/key`: ListObjectsV2 and GetObject. AWS by default, any other server at AWS_ENDPOINT_URL; without
 * an access key the requests are not signed, for public buckets.
 */
export const listS3: Lister = async ({ uri, form, env }) => {
  const credentials = credentialsOf(env);
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';
  const bucket = uri.host;
  const base = env.AWS_ENDPOINT_URL
    ? `${env.AWS_ENDPOINT_URL.replace(/\/$/, '')}/${bucket}`
    : `https://${bucket}.s3.${region}.amazonaws.com`;
  const headersOf = (url: string) =>
    credentials ? signedHeaders(new URL(url), { ...credentials, region }, new Date()) : {};
  const explain = explainer(bucket);

  const path = uri.pathname.slice(1);
  const prefix = form === 'file' ? path.replace(/-\d{5}-of-\d{5}\.gguf$/, '') : path;
  const entries: { path: string; size: number }[] = [];
  let token: string | undefined;
  do {
    const parameters = { 'list-type': '2', 'encoding-type': 'url', prefix };
    const query = new URLSearchParams({
      ...parameters,
      ...(token && { 'continuation-token': token }),
    });
    const url = `${base}/?${query}`;
    const answer = await (await get(url, headersOf(url), explain)).text();
    for (const [, content = ''] of answer.matchAll(/<Contents>(.*?)<\/Contents>/gs))
      entries.push({
        path: decodeURIComponent(elementOf(content, 'Key').replaceAll('+', ' ')),
        size: Number(elementOf(content, 'Size')),
      });
    token = elementOf(answer, 'NextContinuationToken') || undefined;
  } while (token);
  const wanted = selected(entries, form, path);
  if (wanted.length === 0) throw new LoadError('NotFound', `s3://${bucket} has no ${path}`);
  return wanted.map(({ entry, target }) => {
    const url = `${base}/${entry.path.split('/').map(escaped).join('/')}`;
    const headers = () => headersOf(url);
    return { path: target, url, headers, sizeBytes: entry.size, checksum: undefined, explain };
  });
};

function credentialsOf(
  env: Readonly<Record<string, string | undefined>>,
): Omit<S3Credentials, 'region'> | undefined {
  const accessKeyId = env.AWS_ACCESS_KEY_ID?.trim();
  const secretAccessKey = env.AWS_SECRET_ACCESS_KEY?.trim();
  if (!accessKeyId && !secretAccessKey) return undefined;
  if (!accessKeyId || !secretAccessKey)
    throw new LoadError(
      'BadCredentials',
      'of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is missing',
    );
  return { accessKeyId, secretAccessKey, sessionToken: env.AWS_SESSION_TOKEN?.trim() };
}

/** The value of the first element of that name; base64 and numbers need no decoding. */
function elementOf(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** The last one is versitygw's word for the first. */
const credentialsCodes: readonly string[] = [
  ...['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken', 'XAdminUserNotFound'],
];

/** S3 says what is wrong in its body, and in which region a bucket is in a header. */
function explainer(bucket: string): Explain {
  return ({ status, headers }, body) => {
    const code = elementOf(body, 'Code');
    const problem = `HTTP ${status} for s3://${bucket}${code && ` (${code})`}`;
    const region = headers.get('x-amz-bucket-region');
    if ((status === 301 || code === 'AuthorizationHeaderMalformed') && region)
      return new LoadError(
        'BadCredentials',
        `${problem}, which is in ${region}, not in AWS_REGION`,
      );
    if (credentialsCodes.includes(code)) return new LoadError('BadCredentials', problem);
    if (status === 403) return new LoadError('Unauthorized', problem);
    return code === 'NoSuchBucket' ? new LoadError('NotFound', problem) : undefined;
  };
}
