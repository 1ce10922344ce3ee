// A hub as the loader knows it, over the files of a folder: run in a pod of the test cluster.
// The files of a model are in the folder of its name, where there is one, else at the top.
// The models org/skiff, org/other and org/law are free, org/gated wants a token, and every first answer for weights is cut; that of
// org/stuck stops in the middle and stays open. What is asked for is in its log.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';

const [top, port] = process.argv.slice(2);
const cut = new Set();

createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://hub');
  const [, model] = /^\/(?:api\/models\/)?(org\/\w+)\//.exec(pathname) ?? [];
  const [, file] = /\/resolve\/[^/]+\/(.+)$/.exec(pathname) ?? [];
  const hasToken = request.headers.authorization === 'Bearer right';
  if (file && model === 'org/gated' && !hasToken)
    return response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end();
  if (!['org/skiff', 'org/other', 'org/law', 'org/gated', 'org/stuck'].includes(model))
    return response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
  const folder = existsSync(`${top}/${model}`) ? `${top}/${model}` : top;
  if (!file) {
    const siblings = readdirSync(folder).flatMap((rfilename) => {
      const path = `${folder}/${rfilename}`;
      if (!statSync(path).isFile()) return [];
      const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
      return [{ rfilename, size: statSync(path).size, lfs: { sha256 } }];
    });
    return response.end(JSON.stringify({ sha: 'c0ffee', siblings }));
  }
  const content = readFileSync(`${folder}/${file}`);
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const body = content.subarray(from);
  console.log(`${model} ${file} from ${from}`);
  response.writeHead(from > 0 ? 206 : 200, {
    'content-length': body.length,
    ...(from > 0 && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
  });
  if (cut.has(pathname)) return response.end(body);
  cut.add(pathname);
  if (model === 'org/stuck') return response.write(body.subarray(0, body.length / 2));
  response.write(body.subarray(0, body.length / 2), () => response.destroy());
}).listen(Number(port), () => console.log('listening'));
