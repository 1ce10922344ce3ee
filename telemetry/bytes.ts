/** The same bytes, in memory that has room for more behind those that are used: theirs, or twice as much. */
export function withRoom(bytes: Buffer, usedBytes: number, moreBytes: number): Buffer {
  const needed = usedBytes + moreBytes;
  if (needed <= bytes.length) return bytes;
  const larger = Buffer.allocUnsafe(Math.max(needed, bytes.length * 2));
  bytes.copy(larger, 0, 0, usedBytes);
  return larger;
}
