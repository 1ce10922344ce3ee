import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** A file that grows from its beginning, with a checksum of what it has. */
export interface PartialFile {
  /** How far it is. */
  readonly atBytes: number;
  append(chunk: Uint8Array): Promise<void>;
  /** Throws away what it has. */
  restart(): Promise<void>;
  /** The checksum of all of it, when one was asked for. Ends it. */
  finish(): Promise<string | undefined>;
  /** Without effect after {@link finish}. */
  close(): Promise<void>;
}

/** Opens what is there, reading it once for the checksum, or begins anew. */
export async function openPartial(
  path: string,
  algorithm: string | undefined,
): Promise<PartialFile> {
  const handle: FileHandle = await open(path, 'a+');
  let hash: Hash | undefined = algorithm === undefined ? undefined : createHash(algorithm);
  let atBytes = (await handle.stat()).size;
  if (hash) for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  let isOpen = true;
  const close = async () => {
    if (isOpen) await handle.close();
    isOpen = false;
  };
  return {
    get atBytes() {
      return atBytes;
    },
    async append(chunk) {
      await handle.appendFile(chunk);
      hash?.update(chunk);
      atBytes += chunk.byteLength;
    },
    async restart() {
      await handle.truncate(0);
      hash = algorithm === undefined ? undefined : createHash(algorithm);
      atBytes = 0;
    },
    async finish() {
      await handle.datasync();
      await close();
      return hash?.digest('hex');
    },
    close,
  };
}
