import type { Form } from '../weights.ts';
import type { Explain } from './http.ts';

/** A file that can be had. */
export interface RemoteFile {
  /** Where it goes, relative to the folder of the weights. */
  path: string;
  url: string;
  /** For each request anew, for a signature covers its time. */
  headers(): Record<string, string> | Promise<Record<string, string>>;
  sizeBytes: number | undefined;
  checksum: Checksum | undefined;
  explain?: Explain | undefined;
  /** It is a tar archive that is unpacked in its turn: a layer of an image. */
  layer?: Layer;
}

/** How a layer is compressed. */
export type Layer = 'gzip' | 'zstd' | 'none';

export interface Checksum {
  algorithm: 'sha256' | 'md5';
  hex: string;
}

/** What a scheme's lister works with. */
export interface Request {
  uri: URL;
  form: Form;
  /** The variables that the Secret gives, among others. */
  env: Readonly<Record<string, string | undefined>>;
}

/** Finds the files that a source means. */
export type Lister = (request: Request) => Promise<RemoteFile[]>;

/** What a listing says of one file. */
export interface Entry {
  path: string;
}

const split = /-\d{5}-of-\d{5}\.gguf$/;

/**
 * Of a listing, what `path` means, and where each goes: the file itself with all parts when it is one of
 * several, or all that an engine reads below the folder.
 */
export function selected<T extends Entry>(
  entries: readonly T[],
  form: Form,
  path: string,
): { entry: T; target: string }[] {
  if (form === 'file') {
    const parts = path.replace(split, '');
    const isPart = (one: string) => split.test(one) && one.replace(split, '') === parts;
    const isWanted = (one: string) => one === path || (split.test(path) && isPart(one));
    return entries
      .filter((entry) => isWanted(entry.path))
      .map((entry) => ({ entry, target: entry.path.slice(entry.path.lastIndexOf('/') + 1) }));
  }
  const prefix = path === '' || path.endsWith('/') ? path : `${path}/`;
  const below = entries
    .filter((entry) => entry.path.startsWith(prefix))
    .map((entry) => ({ entry, target: entry.path.slice(prefix.length) }))
    .filter(({ target }) => isSafe(target));
  const hasSafetensors = below.some(({ target }) => target.endsWith('.safetensors'));
  return below.filter(({ target }) => isRead(target, hasSafetensors));
}

/** Weights in formats that engines do not read, or in a second one, would only cost time and space. */
function isRead(path: string, hasSafetensors: boolean): boolean {
  if (/\.(gguf|onnx|h5|msgpack|ot|tflite|pth|ckpt)$/.test(path)) return false;
  if (/\.(bin|pt)$/.test(path)) return !hasSafetensors;
  return !/(^|\/)(\.|README|LICENSE|USE_POLICY)|\.(png|jpe?g|gif|svg|pdf|mp4|md)$/i.test(path);
}

function isSafe(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.split('/').includes('..');
}

/** Whether a file is weights, by its name. */
export function isWeights(path: string): boolean {
  return /\.(safetensors|bin|pt|gguf)$/.test(path);
}
