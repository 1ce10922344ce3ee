import { readFileSync, writeFileSync } from 'node:fs';

const setting = '/proc/sys/fs/inotify/max_user_instances';
/** An idle cluster of two nodes takes 26; Linux gives a user 128, and pods take some as well. */
const neededInstances = 1024;

/**
 * Raises how many inotify instances a user may have, when it is low: kubelets end with "too many open
 * files" otherwise. It counts for the whole machine and stays raised.
 */
export function raiseInotifyLimit(log: (line: string) => void): void {
  const instances = Number(readFileSync(setting, 'utf8'));
  if (instances >= neededInstances) return;
  writeFileSync(setting, String(neededInstances));
  log(`raised fs.inotify.max_user_instances from ${instances} to ${neededInstances}`);
}
