import { LoadError } from './errors.ts';
import { type Explain, get } from './http.ts';
import { type Lister, selected } from './remote-file.ts';

/** `GET /api/models/{model}/revision/{revision}?blobs=true`, as far as it is read. */
interface ModelInfo {
  /** The commit, so that all files are of one state. */
  sha?: string;
  siblings?: { rfilename: string; size?: number; lfs?: { sha256?: string } | null }[];
}

/**
 * `hf://organisation/model[/path][?revision=]`: the API of huggingface.co, at HF_ENDPOINT of the Secret, at
 * the chart's endpoint, or there.
 */
export const listHub: Lister = async ({ uri, form, env }) => {
  const endpoint = (
    env.HF_ENDPOINT ||
    env.FAIRLEAD_HUB_ENDPOINT ||
    'https://huggingface.co'
  ).replace(/\/$/, '');
  const [, name = '', ...rest] = uri.pathname.split('/');
  const model = `${uri.host}/${name}`;
  const revision = uri.searchParams.get('revision') ?? 'main';
  const token = env.HF_TOKEN?.trim();
  const headers = (): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {});
  const explain = explainer(endpoint, model, revision, token !== undefined);

  const api = `${endpoint}/api/models/${model}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const info = (await (await get(api, headers(), explain)).json()) as ModelInfo;
  const entries = (info.siblings ?? []).map((sibling) => ({ ...sibling, path: sibling.rfilename }));
  const wanted = selected(entries, form, rest.join('/'));
  if (wanted.length === 0) {
    const files = entries.map(({ path }) => path).filter((path) => path.endsWith('.gguf'));
    const there =
      form === 'file' && files.length > 0 ? `; it has ${files.slice(0, 20).join(', ')}` : '';
    throw new LoadError(
      'NotFound',
      `${model} at ${revision} has no ${rest.join('/') || 'weights'}${there}`,
    );
  }
  return wanted.map(({ entry: { path, size, lfs }, target }) => ({
    path: target,
    url: `${endpoint}/${model}/resolve/${info.sha ?? encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`,
    headers,
    sizeBytes: size,
    checksum: lfs?.sha256 ? { algorithm: 'sha256' as const, hex: lfs.sha256 } : undefined,
    explain,
  }));
};

/** The hub answers 401 for what is private, gated or not there, and says which in a header. */
function explainer(endpoint: string, model: string, revision: string, hasToken: boolean): Explain {
  return ({ status, headers }) => {
    const code = headers.get('x-error-code');
    if (code === 'GatedRepo' || (code === null && status === 403))
      return new LoadError('Gated', `HTTP ${status}: ${endpoint}/${model} is gated`);
    if (code === 'RevisionNotFound' || code === 'EntryNotFound')
      return new LoadError(
        'NotFound',
        `HTTP ${status}: ${endpoint}/${model} has no ${code === 'RevisionNotFound' ? `revision ${revision}` : 'such file'}`,
      );
    if (status !== 401 && status !== 404) return undefined;
    const problem = `HTTP ${status}: ${endpoint}/${model} does not exist, or is private`;
    if (hasToken) return new LoadError('NotFound', `${problem}, or the token does not see it`);
    return new LoadError('Unauthorized', problem);
  };
}
