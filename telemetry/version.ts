import { readFile } from 'node:fs/promises';

/** The version of Fairlead that runs, of its package. */
export async function readVersion(): Promise<string> {
  const file = new URL('../package.json', import.meta.url);
  const { version }: { version: string } = JSON.parse(await readFile(file, 'utf8'));
  return version;
}
