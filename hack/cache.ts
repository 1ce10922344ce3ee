import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The folder for whatever can be made again: built binaries, images, clusters.
 * `$FAIRLEAD_CACHE`, else `fairlead` in `$XDG_CACHE_HOME`, else in `~/.cache`. It may not exist yet.
 */
export function cacheDir(): string {
  const { FAIRLEAD_CACHE, XDG_CACHE_HOME } = process.env;
  return FAIRLEAD_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'fairlead');
}
