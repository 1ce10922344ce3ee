import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../command.ts';

/**
 * KEDA's sources as it is built here: its own, but for its triggers. Of more than seventy only the external ones
 * are left, since the others need the SDKs of all the services that they ask, 1,400 packages. The operator, the
 * loop that scales, the external scaler, the metrics adapter and the versions of all modules are KEDA's.
 * @param module the module's folder, which is read only
 * @returns a new folder, which the caller removes
 */
export async function kedaSource(module: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-keda-'));
  const parts = ['go.mod', 'go.sum', 'apis', 'cmd', 'controllers', 'pkg', 'version'];
  await runCommand('cp', ['-r', '--no-preserve=mode', ...parts, folder], { cwd: module });
  const scalers = join(folder, 'pkg/scalers');
  for (const entry of await readdir(scalers, { withFileTypes: true }))
    if (entry.isFile() && !['scaler.go', 'external_scaler.go'].includes(entry.name))
      await rm(join(scalers, entry.name));
  // It stands beside one of the other triggers.
  const constant = 'package scalers\n\nconst externalMetricType = "External"\n';
  await writeFile(join(scalers, 'external_metric_type.go'), constant);
  const builder = join(folder, 'pkg/scaling/scalers_builder.go');
  await writeFile(builder, onlyExternal(await readFile(builder, 'utf8')));
  return folder;
}

/**
 * Takes the cases of all other triggers out of the switch over their types.
 * @throws Error when there is none for an external trigger
 */
export function onlyExternal(source: string): string {
  const one = /^\tcase "([^"]+)":\n\t\treturn scalers\..*\n/gm;
  const cut = source.replace(one, (text, type) => (/^external(-push)?$/.test(type) ? text : ''));
  for (const call of ['NewExternalScaler(config)', 'NewExternalPushScaler(config)'])
    if (!cut.includes(call)) throw new Error(`KEDA's list of triggers has no scalers.${call}`);
  return cut;
}
