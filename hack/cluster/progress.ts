/** A line of progress for people: `[ 12.3 s] API server ready`. */
export function timedLog(write: (line: string) => void): (line: string) => void {
  const startMs = performance.now();
  return (line) => {
    const elapsed = ((performance.now() - startMs) / 1000).toFixed(1);
    write(`[${elapsed.padStart(6)} s] ${line}`);
  };
}
