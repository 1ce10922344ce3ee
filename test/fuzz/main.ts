/** `node test/fuzz/main.ts [CASES] [SEED]`: mutated requests and replies, 100,000 unless told. */
import { timedLog } from '../../hack/cluster/progress.ts';
import { fuzz } from './run.ts';

const [cases = '100000', seed = '1'] = process.argv.slice(2);
const log = timedLog(console.log);
const report = await fuzz(Number(seed), Number(cases), log);
log(`${report.cases} cases, ${report.reached} requests reached an engine`);
log(`answers: ${JSON.stringify(report.statuses)}`);
for (const violation of report.violations) console.log(violation);
log(`${report.violations.length} rules broken`);
process.exitCode = report.violations.length === 0 ? 0 : 1;
