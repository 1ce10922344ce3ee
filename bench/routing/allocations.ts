import { Session } from 'node:inspector/promises';

/** Where memory is allocated. */
export interface Allocation {
  /** Function and file. */
  readonly where: string;
  /** Of each run, on average; with what the garbage collector has already taken back. */
  readonly bytes: number;
}

interface ProfileNode {
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

const rounds = 20;

/** Runs something with each of these and tells where it allocates, the most first. */
export async function allocationsOf<T>(
  inputs: readonly T[],
  run: (input: T) => void,
): Promise<Allocation[]> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: 256,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    for (let round = 0; round < rounds; round++) for (const input of inputs) run(input);
    const { profile } = await session.post('HeapProfiler.stopSampling');
    const found = new Map<string, number>();
    const visit = ({ callFrame, selfSize, children }: ProfileNode) => {
      const file = callFrame.url.split('/').slice(-2).join('/');
      const where = `${callFrame.functionName || '(anonymous)'} ${file}`.trim();
      found.set(where, (found.get(where) ?? 0) + selfSize / rounds / inputs.length);
      for (const child of children) visit(child);
    };
    visit(profile.head as ProfileNode);
    return [...found]
      .map(([where, bytes]) => ({ where, bytes }))
      .filter(({ bytes }) => bytes >= 1)
      .sort((a, b) => b.bytes - a.bytes);
  } finally {
    session.disconnect();
  }
}
