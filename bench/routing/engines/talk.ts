import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { converse, type Talk, type TalkShape } from './conversations.ts';

/** What the process below tells: how many requests are done, and in the end what came of all. */
type Told = { readonly done: number } | { readonly talk: Talk };

/**
 * {@link converse} in a process of its own.
 * @param enter command and arguments that go before the program's, such as those of nsenter
 */
export async function converseFrom(
  enter: readonly [string, ...string[]],
  ...[address, model, topic, shape, answered]: Required<Parameters<typeof converse>>
): Promise<Talk> {
  const [command, ...rest] = enter;
  const program = [process.execPath, import.meta.filename];
  const args = [...rest, ...program, address, model, topic, JSON.stringify(shape)];
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let talk: Talk | undefined;
  child.on('message', (told: Told) => {
    if ('done' in told) answered(told.done);
    else talk = told.talk;
  });
  const [code] = await once(child, 'close');
  if (!talk) throw new Error(`${command} ended with status ${code} before the talk was over`);
  return talk;
}

if (import.meta.main) {
  const [address = '', model = '', topic = '', shape = ''] = process.argv.slice(2);
  const tell = (told: Told) => void process.send?.(told);
  const answered = (done: number) => tell({ done });
  tell({ talk: await converse(address, model, topic, JSON.parse(shape) as TalkShape, answered) });
  process.disconnect();
}
