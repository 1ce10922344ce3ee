import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { runCommand } from '../../hack/command.ts';
import { ensureKubeTools } from '../../hack/kube-tools.ts';

const chart = join(import.meta.dirname, '../fairlead');

/**
 * The objects that `helm template` makes of the chart as release `fairlead` in namespace `fairlead`.
 * @param values of the chart, beside the image
 * @throws CommandError with Helm's words
 */
export async function renderChart<T>(values: object): Promise<T[]> {
  const { helmPath } = await ensureKubeTools();
  const args = ['template', 'fairlead', chart, '--namespace', 'fairlead', '--values', '-'];
  const image = { repository: 'local.test/fairlead' };
  const text = await runCommand(helmPath, args, { input: JSON.stringify({ image, ...values }) });
  return parseAllDocuments(text).map((document) => document.toJS() as T);
}
