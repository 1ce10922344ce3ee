import { z } from 'zod';

/** What a loader answers. */
export const progress = z.object({
  bytes: z.number().min(0),
  totalBytes: z.number().min(0).nullable(),
});

/** How far a load is; `totalBytes` is null where the server does not tell. */
export type Progress = z.output<typeof progress>;

/** Such as `41 %, 3.3 GB of 8.1 GB`. */
export function progressText({ bytes, totalBytes }: Progress): string {
  if (!totalBytes) return gigabytes(bytes);
  const percent = Math.min(100, Math.floor((100 * bytes) / totalBytes));
  return `${percent} %, ${gigabytes(bytes)} of ${gigabytes(totalBytes)}`;
}

/** A size for people. */
export function gigabytes(bytes: number): string {
  return bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
