/**
 * What engines answer 500 with when they cannot serve anybody: vLLM when its engine process is dead
 * (EngineDeadError; the API process outlives it for a moment), Ollama when the model cannot be loaded or
 * its runner has died. Read off the engines' own messages. Every other 500 may be the request's own fault
 * and is the answer. Loading llama.cpp, SGLang and TGI say 503.
 */
const dead = [
  /EngineCore encountered an issue/,
  /Engine(?:Core)?DeadError/,
  /Engine loop is (?:dead|not running)/,
  /Background loop (?:has errored|is stopped)/i,
  /llama runner process (?:has terminated|no longer running)/,
  /timed out waiting for llama runner to start/,
  /Loading model/,
];

/** Whether an engine's 500 says that the engine itself has failed or is loading. */
export function isEngineDown(body: string): boolean {
  return dead.some((pattern) => pattern.test(body));
}
