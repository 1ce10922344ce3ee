import { createSign } from 'node:crypto';
import { fetch } from 'undici';
import { LoadError, TransientError } from './errors.ts';
import { causeOf, get } from './http.ts';
import { type Lister, selected } from './remote-file.ts';

/** `GET /storage/v1/b/{bucket}/o`, as far as it is read. */
interface Listing {
  items?: { name: string; size: string; md5Hash?: string }[];
  nextPageToken?: string;
}

/** A service account's key, as Google gives it out. */
interface ServiceAccountKey {
  client_email: string;
  private_key: string;
  token_uri: string;
}

const scope = 'https://www.googleapis.com/auth/devstorage.read_only';

/**
 * `gs://bucket/object`: the JSON API of Google Cloud Storage, at STORAGE_EMULATOR_HOST for tests. Without
 * GOOGLE_CREDENTIALS the requests carry no token, for public buckets.
 */
export const listGs: Lister = async ({ uri, form, env }) => {
  const endpoint = env.STORAGE_EMULATOR_HOST || 'https://storage.googleapis.com';
  const token = env.GOOGLE_CREDENTIALS ? await accessToken(env.GOOGLE_CREDENTIALS) : undefined;
  const headers = (): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {});
  const bucket = uri.host;
  const path = uri.pathname.slice(1);
  const prefix = form === 'file' ? path.replace(/-\d{5}-of-\d{5}\.gguf$/, '') : path;
  const objects = `${endpoint}/storage/v1/b/${bucket}/o`;
  const entries: { path: string; size: number; md5: string | undefined }[] = [];
  let pageToken: string | undefined;
  do {
    const query = new URLSearchParams({ prefix, ...(pageToken && { pageToken }) });
    const page = (await (await get(`${objects}?${query}`, headers())).json()) as Listing;
    for (const { name, size, md5Hash } of page.items ?? [])
      entries.push({ path: name, size: Number(size), md5: md5Hash });
    pageToken = page.nextPageToken;
  } while (pageToken);
  const wanted = selected(entries, form, path);
  if (wanted.length === 0) throw new LoadError('NotFound', `gs://${bucket} has no ${path}`);
  return wanted.map(({ entry, target }) => ({
    path: target,
    url: `${objects}/${encodeURIComponent(entry.path)}?alt=media`,
    headers,
    sizeBytes: entry.size,
    checksum: entry.md5
      ? { algorithm: 'md5' as const, hex: Buffer.from(entry.md5, 'base64').toString('hex') }
      : undefined,
  }));
};

/** OAuth 2.0 for service accounts (RFC 7523): a signed assertion for a token that lasts an hour. */
async function accessToken(json: string): Promise<string> {
  const key = parsed(json);
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: key.client_email, scope, aud: key.token_uri, iat: now, exp: now + 3600 };
  const unsigned = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  try {
    const signature = createSign('RSA-SHA256').update(unsigned).sign(key.private_key, 'base64url');
    const response = await fetch(key.token_uri, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: `${unsigned}.${signature}`,
      }),
    });
    const answer = (await response.json()) as { access_token?: string; error?: string };
    if (answer.access_token) return answer.access_token;
    throw new LoadError('BadCredentials', `HTTP ${response.status} for a token (${answer.error})`);
  } catch (error) {
    if (error instanceof LoadError) throw error;
    throw new TransientError(`${key.token_uri}: ${causeOf(error)}`, undefined, { cause: error });
  }
}

function parsed(json: string): ServiceAccountKey {
  try {
    const key = JSON.parse(json) as Partial<ServiceAccountKey>;
    const { client_email, private_key, token_uri = 'https://oauth2.googleapis.com/token' } = key;
    if (client_email && private_key) return { client_email, private_key, token_uri };
  } catch {
    // Told below, without what it holds.
  }
  throw new LoadError(
    'BadCredentials',
    'GOOGLE_CREDENTIALS is no key of a service account in JSON',
  );
}
