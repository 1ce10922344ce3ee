import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LoadError } from './errors.ts';
import { type Explain, get, shown } from './http.ts';
import type { Lister } from './remote-file.ts';

/** The variable that names a folder with one folder for each of the pod's pull secrets. */
export const pullSecretsVariable = 'FAIRLEAD_PULL_SECRETS';

const descriptor = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[a-f0-9]{64}$/),
  size: z.number(),
});
const platform = z.object({ os: z.string(), architecture: z.string() });
/** An image manifest or an index of them; OCI Image Format Specification, and Docker's own before it. */
const manifest = z.object({
  manifests: z.array(descriptor.extend({ platform: platform.optional() })).optional(),
  layers: z.array(descriptor).optional(),
});
const tokenAnswer = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().default(60),
});
const dockerConfig = z.object({
  auths: z.record(
    z.string(),
    z.object({
      auth: z.string().optional(),
      username: z.string().optional(),
      password: z.string().optional(),
    }),
  ),
});

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join();
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * `oci://registry/repository[:tag][@digest]`, where nodes cannot mount images: the layers of the image, in
 * order, by the OCI Distribution Specification. A registry on the loopback is asked without TLS, as
 * containerd does.
 */
export const listOci: Lister = async ({ uri, env }) => {
  const [repository = '', digest] = uri.pathname.slice(1).split('@');
  const [path = '', tag = 'latest'] = repository.split(':');
  const isHub = uri.host === 'docker.io';
  const name = isHub && !path.includes('/') ? `library/${path}` : path;
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(uri.hostname);
  const host = isHub ? 'registry-1.docker.io' : uri.host;
  const base = `${isLocal ? 'http' : 'https'}://${host}/v2/${name}`;
  const credentials = await credentialsFor(uri.host, env[pullSecretsVariable]);
  const authorization = authorizer(name, credentials);

  const read = async (reference: string) => {
    const url = `${base}/manifests/${reference}`;
    const text = await (await authorization.get(url, { accept })).text();
    const actual = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    if (reference.startsWith('sha256:') && actual !== reference)
      throw new LoadError('ChecksumMismatch', `the manifest ${reference} of ${url} is ${actual}`);
    return manifest.parse(JSON.parse(text));
  };
  let found = await read(digest ?? tag);
  if (found.manifests) {
    const architecture = architectures[process.arch];
    const own = found.manifests.find(
      ({ platform: of }) => of?.os === 'linux' && of.architecture === architecture,
    );
    if (!own)
      throw new LoadError(
        'NotFound',
        `oci://${uri.host}/${path} has none for linux/${architecture}`,
      );
    found = await read(own.digest);
  }
  return (found.layers ?? []).map(({ mediaType, digest: blob, size }, index) => {
    const compression = compressionOf(mediaType);
    if (compression === undefined)
      throw new LoadError(
        'BadSource',
        `oci://${uri.host}/${path} is no image: it has ${mediaType}`,
      );
    return {
      path: `.layers/${index}-${blob.slice(7, 19)}`,
      url: `${base}/blobs/${blob}`,
      headers: () => authorization.headers(),
      sizeBytes: size,
      checksum: { algorithm: 'sha256' as const, hex: blob.slice(7) },
      layer: compression,
      explain: refused,
    };
  });
};

const refused: Explain = ({ status, url }) =>
  status === 401 || status === 403
    ? new LoadError('PullRefused', `HTTP ${status} for ${shown(url)}`)
    : undefined;

function compressionOf(mediaType: string) {
  if (/tar(\+|\.)gzip$/.test(mediaType)) return 'gzip' as const;
  if (mediaType.endsWith('tar+zstd')) return 'zstd' as const;
  return mediaType.endsWith('.tar') ? ('none' as const) : undefined;
}

/** Asks as a registry wants it: without a word at first, then with what its refusal says, for as long as it holds. */
function authorizer(name: string, credentials: string | undefined) {
  const basic: Record<string, string> = credentials
    ? { authorization: `Basic ${credentials}` }
    : {};
  let challenge: string | undefined;
  let bearer: { headers: Record<string, string>; untilMs: number } | undefined;

  async function headers(): Promise<Record<string, string>> {
    if (challenge === undefined) return {};
    if (!/^Bearer /i.test(challenge)) return basic;
    if (bearer && performance.now() < bearer.untilMs) return bearer.headers;
    const parameter = (key: string) => new RegExp(`${key}="([^"]*)"`).exec(challenge ?? '')?.[1];
    const url = new URL(parameter('realm') ?? '');
    const service = parameter('service');
    if (service) url.searchParams.set('service', service);
    url.searchParams.set('scope', parameter('scope') ?? `repository:${name}:pull`);
    const answer = tokenAnswer.parse(await (await get(url.href, basic, refused)).json());
    const authorization = `Bearer ${answer.token ?? answer.access_token}`;
    // A token that is about to end is none.
    const untilMs = performance.now() + (answer.expires_in - 10) * 1_000;
    bearer = { headers: { authorization }, untilMs };
    return bearer.headers;
  }

  return {
    headers,
    async get(url: string, more: Record<string, string>) {
      try {
        return await get(url, { ...more, ...(await headers()) }, (response, body) => {
          challenge ??= response.headers.get('www-authenticate') ?? undefined;
          return refused(response, body);
        });
      } catch (error) {
        const isRefused = error instanceof LoadError && error.code === 'PullRefused';
        if (!isRefused || challenge === undefined) throw error;
        return get(url, { ...more, ...(await headers()) }, refused);
      }
    },
  };
}

/** Of Secrets of the type kubernetes.io/dockerconfigjson, what is for this registry: `user:password` in base64. */
async function credentialsFor(
  host: string,
  folder: string | undefined,
): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  const hosts = host === 'docker.io' ? ['docker.io', 'index.docker.io'] : [host];
  for (const secret of (await readdir(folder)).sort()) {
    const text = await readFile(join(folder, secret, '.dockerconfigjson'), 'utf8').catch(
      () => '{}',
    );
    const { data } = dockerConfig.safeParse(JSON.parse(text));
    for (const [server, { auth, username, password }] of Object.entries(data?.auths ?? {})) {
      if (!hosts.includes(server.replace(/^https?:\/\//, '').replace(/\/.*$/, ''))) continue;
      if (auth) return auth;
      if (username) return Buffer.from(`${username}:${password ?? ''}`).toString('base64');
    }
  }
  return undefined;
}
