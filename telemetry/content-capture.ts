import { type InputContent, longestCaptureBytes, readInput, readOutput } from './content.ts';
import type { OperationAttributes } from './span-attributes.ts';

/** Keeps what one request says and what is answered, where content is captured. */
export class ContentCapture {
  readonly #input: InputContent;
  /** What else the request asks for. */
  readonly asked: OperationAttributes;
  #answer: Buffer[] = [];
  #answerBytes = 0;

  /** @param body of the request; not referred to afterwards */
  constructor(body: Buffer, asked: OperationAttributes) {
    this.#input = readInput(body);
    this.asked = asked;
  }

  /** Another attempt begins to answer. */
  restart(): void {
    this.#answer = [];
    this.#answerBytes = 0;
  }

  /** Takes the next bytes of the answer; they are referred to, not copied. */
  add(chunk: Buffer): void {
    if (this.#answerBytes >= longestCaptureBytes) return;
    this.#answer.push(chunk);
    this.#answerBytes += chunk.length;
  }

  /** All of it by the conventions' attribute names; what there is none of is absent. */
  said() {
    const { messages, system } = this.#input;
    const output = readOutput(Buffer.concat(this.#answer));
    return {
      'gen_ai.input.messages': messages.length > 0 ? messages : undefined,
      'gen_ai.output.messages': output.length > 0 ? output : undefined,
      'gen_ai.system_instructions': system.length > 0 ? system : undefined,
    };
  }
}

/** Spans carry structures as JSON, which every backend can show. */
export function asJson<K extends string>(
  values: Record<K, object | undefined>,
): { [P in K]?: string } {
  const given = Object.entries<object | undefined>(values).filter(([, value]) => value);
  return Object.fromEntries(given.map(([key, value]) => [key, JSON.stringify(value)])) as {
    [P in K]?: string;
  };
}
