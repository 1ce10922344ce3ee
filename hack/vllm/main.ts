import { timedLog } from '../cluster/progress.ts';
import { installVllm } from './install.ts';

const log = timedLog(console.log);
const wanted = /^(Collecting|Downloading|Installing|ERROR|WARNING)/;
log('looking for vLLM in the cache folder');
try {
  const { sitePackages } = await installVllm((line) => {
    if (wanted.test(line.trim())) log(line.trim().slice(0, 100));
  });
  log(`vLLM is in ${sitePackages}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
