import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from '../../weights/loader/load.ts';
import { parseWanted, type Report, type WantedAdapter } from '../protocol.ts';
import { converge, type Failure, failed, type Step } from './converge.ts';
import type { AdapterEngine } from './engine.ts';

/** What the agent works with. */
export interface AgentOptions {
  engine: AdapterEngine;
  /** The file with what is wanted. */
  wantedFile: string;
  /** Where it loads to. */
  folder: string;
  /** A folder for each Secret, with a file for each key. */
  secretsFolder: string;
  /** For loading, beside the Secret's keys: proxies, the hub. */
  env: Readonly<Record<string, string | undefined>>;
  log(line: string): void;
  /** Monotonic milliseconds. */
  nowMs(): number;
}

/** Keeps one engine's adapters as they are wanted. */
export interface Agent {
  /** Looks once, and does what there is to do; what takes long goes on beside. */
  step(signal: AbortSignal): Promise<void>;
  report(): Report;
}

type Placed = WantedAdapter & { path: string };
const unfinished = '.unfinished';

/** Makes an agent; the caller lets it step again and again. */
export function createAgent(options: AgentOptions): Agent {
  const { engine, folder, log, nowMs } = options;
  const loading = new Set<string>();
  const failures = new Map<string, Failure>();
  let reported: Report = { wanted: '', adapters: [] };

  /** A changed source is another folder, so that the engine never takes the old weights for the new ones. */
  function place(adapter: WantedAdapter): Placed {
    if (adapter.path !== undefined) return { ...adapter, path: adapter.path };
    const source = createHash('sha256').update(`${adapter.uri} ${adapter.secret ?? ''}`);
    return { ...adapter, path: join(folder, source.digest('hex').slice(0, 16)) };
  }

  async function fetchAdapter({ name, uri = '', secret, path }: Placed): Promise<void> {
    loading.add(path);
    try {
      const env = { ...options.env, ...(secret && (await keysOf(secret))) };
      const part = path + unfinished;
      await mkdir(part, { recursive: true });
      const patience = { attempts: 3, firstPauseMs: 1_000 };
      await load({ uri: new URL(uri), form: 'folder', folder: part, env, log, patience });
      await rename(part, path);
      failures.delete(path);
    } catch (error) {
      note(path, name, error);
    } finally {
      loading.delete(path);
    }
  }

  async function keysOf(secret: string): Promise<Record<string, string>> {
    const at = join(options.secretsFolder, secret);
    const names = await readdir(at).catch(() => []);
    const keys = names.filter((name) => !name.startsWith('..'));
    if (keys.length === 0) throw new Error(`the Secret "${secret}" does not exist, or is empty`);
    const values = await Promise.all(keys.map((name) => readFile(join(at, name), 'utf8')));
    return Object.fromEntries(keys.map((name, index) => [name, values[index] ?? '']));
  }

  async function loadAdapter(
    { name, path }: Step['loads'][number],
    signal: AbortSignal,
  ): Promise<void> {
    loading.add(path);
    try {
      await engine.load({ name, path }, signal);
      failures.delete(path);
      log(`loaded ${name}`);
    } catch (error) {
      note(path, name, error);
      // What the engine refuses may be mended at its source.
      if (path.startsWith(folder)) await rm(path, { recursive: true, force: true });
    } finally {
      loading.delete(path);
    }
  }

  function note(path: string, name: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    log(`${name}: ${message}`);
    failures.set(path, failed(failures.get(path), message, nowMs()));
  }

  /** What is wanted no more, and what an earlier process left half done, is in the way of what comes. */
  async function tidy(wanted: readonly Placed[]): Promise<void> {
    const kept = new Set(wanted.flatMap(({ path }) => [path, path + unfinished]));
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      if (!kept.has(path)) await rm(path, { recursive: true, force: true });
    }
    for (const path of failures.keys()) if (!kept.has(path)) failures.delete(path);
  }

  return {
    async step(signal) {
      const text = await readFile(options.wantedFile, 'utf8').catch(() => '');
      const wanted = parseWanted(text).map(place);
      const folders = new Set<string>();
      for (const { path } of wanted) if (await isThere(path)) folders.add(path);
      const served = await engine.served(signal).catch(() => undefined);
      const { fetches, loads, unloads, reports } = converge({
        ...{ wanted, served, folders, loading, failures },
        nowMs: nowMs(),
      });
      reported = { wanted: text, adapters: reports };
      for (const adapter of fetches) void fetchAdapter(adapter);
      for (const adapter of loads) await loadAdapter(adapter, signal);
      for (const name of unloads) {
        await engine.unload(name, signal).then(
          () => log(`unloaded ${name}`),
          (error: unknown) => log(`${name}: ${error}`),
        );
      }
      if (loading.size === 0) await tidy(wanted);
    },
    report: () => reported,
  };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
