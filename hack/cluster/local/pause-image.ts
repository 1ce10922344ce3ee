import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../../command.ts';

/** Name of the image whose only process holds a pod's namespaces. */
export const pauseImage = 'local.test/pause:1';

export function writePauseImage(program: string, archivePath: string): Promise<void> {
  return writeProgramImage({ name: pauseImage, entry: 'pause', program }, archivePath);
}

/** An image of one static program. */
export interface ProgramImage {
  name: string;
  /** Name of the program in its root folder. */
  entry: string;
  /** The program on this machine. */
  program: string;
}

/** Writes an image as an OCI archive: one layer with one static program in it. */
export async function writeProgramImage(
  { name: imageName, entry, program }: ProgramImage,
  archivePath: string,
): Promise<void> {
  const folder = `${archivePath}.folder`;
  const blobs = join(folder, 'layout/blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  mkdirSync(join(folder, 'root'));
  copyFileSync(program, join(folder, 'root', entry));
  await pack(join(folder, 'root'), join(folder, 'layer.tar'));

  const addBlob = (mediaType: string, content: Buffer): Descriptor => {
    const hash = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(blobs, hash), content);
    return { mediaType, digest: `sha256:${hash}`, size: content.length };
  };
  const addJson = (mediaType: string, value: object): Descriptor =>
    addBlob(mediaType, Buffer.from(JSON.stringify(value)));

  const layer = addBlob(`${mediaTypes}.layer.v1.tar`, readFileSync(join(folder, 'layer.tar')));
  const config = addJson(`${mediaTypes}.config.v1+json`, {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: [`/${entry}`], User: '65535:65535' },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const manifestType = `${mediaTypes}.manifest.v1+json`;
  const manifest = addJson(manifestType, {
    schemaVersion: 2,
    mediaType: manifestType,
    config,
    layers: [layer],
  });
  const name = { 'io.containerd.image.name': imageName };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations: name }] };
  writeFileSync(join(folder, 'layout/index.json'), JSON.stringify(index));
  writeFileSync(join(folder, 'layout/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await pack(join(folder, 'layout'), archivePath);
  rmSync(folder, { recursive: true });
}

const mediaTypes = 'application/vnd.oci.image';

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

async function pack(folder: string, archivePath: string): Promise<void> {
  const reproducible = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  await runCommand('tar', ['-C', folder, ...reproducible, '-cf', archivePath, '.']);
}
