/** How many of a stream's last characters tell whether it is complete. */
export const streamEndLength = 512;

/**
 * Whether an OpenAI event stream was ended by its engine: by `[DONE]`, or by an error event, after which
 * engines send nothing more. llama-server that is told to stop ends its connections without either.
 * @param tail the last bytes of the stream, as latin1
 */
export function isCompleteStream(tail: string): boolean {
  if (/(?:^|\n)data: ?\[DONE\]\s*$/.test(tail)) return true;
  const lastEvent =
    tail
      .trimEnd()
      .split(/\r?\n\r?\n/)
      .at(-1) ?? '';
  return /(?:^|\n)(?:data: ?\{"error"|error:|event: ?error)/.test(lastEvent);
}
