import { parseArgs } from 'node:util';
import { buildImages } from './build.ts';
import { type ImageName, imageNames } from './catalog.ts';

const usage = `usage: node hack/images/main.ts build [--engine buildah|docker] [${imageNames.join('|')}]…`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { engine: { type: 'string', default: 'buildah' } },
});
const [command, ...names] = positionals;
const { engine } = values;
if (
  command !== 'build' ||
  !names.every((name): name is ImageName => imageNames.some((known) => known === name)) ||
  (engine !== 'buildah' && engine !== 'docker')
) {
  console.error(usage);
  process.exit(2);
}

const startedMs = performance.now();
const images = await buildImages({
  engine,
  log: console.log,
  ...(names.length === 0 ? {} : { names }),
});
for (const { name, archivePath } of images) console.log(`${name}  ${archivePath}`);
console.log(`${images.length} images in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
