/**
 * Streams answers from Fairlead, or any OpenAI-compatible address, with the official client.
 *
 *   OPENAI_BASE_URL=http://127.0.0.1:8080/v1 node chat.ts 'Who are you?'
 *
 * Without a question it reads questions from standard input, one a line.
 */
import { createInterface } from 'node:readline';
import OpenAI from 'openai';

const model = process.env.MODEL ?? 'skiff';
// The client takes the address from OPENAI_BASE_URL. Fairlead asks for no key unless you set that up.
const openai = new OpenAI({ apiKey: process.env.OPENAI_API_KEY ?? 'none' });

async function ask(question: string): Promise<void> {
  const askedMs = performance.now();
  let firstTokenMs: number | undefined;
  const stream = await openai.chat.completions.create({
    model,
    messages: [{ role: 'user', content: question }],
    temperature: 0,
    stream: true,
  });
  for await (const chunk of stream) {
    const token = chunk.choices[0]?.delta.content;
    if (!token) continue;
    firstTokenMs ??= performance.now() - askedMs;
    process.stdout.write(token);
  }
  const totalMs = performance.now() - askedMs;
  process.stdout.write('\n');
  console.error(
    `first token after ${firstTokenMs?.toFixed(0)} ms, all after ${totalMs.toFixed(0)} ms`,
  );
}

const [question] = process.argv.slice(2);
if (question !== undefined) {
  await ask(question);
} else {
  console.error(`${model} at ${openai.baseURL}: one question a line`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== '') await ask(line);
  }
}
