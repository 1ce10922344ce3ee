import { timedLog } from '../cluster/progress.ts';
import { buildProgram, type ProgramName, programs } from './programs.ts';

/** `node hack/programs/main.ts`: builds what the cache lacks. */
const log = timedLog(console.log);
for (const name of Object.keys(programs) as ProgramName[]) {
  log(`${name}: building it, where it is not there`);
  log(`${name}: ${await buildProgram(name)}`);
}
