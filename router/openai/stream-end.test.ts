import { expect, test } from 'vitest';
import { type StreamEnd, StreamWatch, streamEndLength } from './stream-end.ts';

/** Judges a stream that came in pieces of `size` bytes. */
function judge(end: StreamEnd, text: string, size: number): boolean {
  const bytes = Buffer.from(text);
  const watch = new StreamWatch(end);
  for (let at = 0; at < bytes.length; at += size) watch.see(bytes.subarray(at, at + size));
  return watch.isComplete(bytes.toString('latin1').slice(-streamEndLength));
}

const long = 'x'.repeat(20_000);

test.each<[StreamEnd, string, boolean]>([
  ['done-marker', 'data: {"a":1}\n\ndata: [DONE]\n\n', true],
  ['done-marker', 'data: {"a":1}\r\n\r\ndata: [DONE]\r\n\r\n', true],
  ['done-marker', 'data: [DONE]\n', true],
  ['done-marker', 'data:[DONE]', true],
  ['done-marker', 'data: {"a":1}\n\n', false],
  ['done-marker', 'data: {"content":"data: [DONE]"}\n\n', false],
  ['done-marker', 'data: {"content":"\\ndata: [DONE]', false],
  ['done-marker', '', false],
  ['done-marker', 'data: {"a":1}\n\ndata: {"error":{"message":"x"}}\n\n', true],
  ['done-marker', 'data: {"a":1}\n\nerror: {"code":500}\n\n', true],
  ['done-marker', 'data: {"a":1}\n\nevent: error\ndata: {}\n\n', true],
  ['done-marker', 'data: {"error":{}}\n\ndata: {"a":1}\n\n', false],
  ['response-event', `event: response.completed\ndata: {"t":"${long}"}\n\n`, true],
  ['response-event', `event: response.failed\r\ndata: {"t":"${long}"}\r\n\r\n`, true],
  ['response-event', `event: a\ndata: {}\n\nevent: response.incomplete\ndata: {}\n\n`, true],
  ['response-event', `data: {"type":"response.completed","t":"${long}"}\n\n`, true],
  ['response-event', `event: response.completed\ndata: {"t":"${long}`, false],
  ['response-event', `event: response.completed\n`, false],
  ['response-event', `event: response.output_text.done\ndata: {"t":"${long}"}\n\n`, false],
  ['response-event', `data: {"delta":"event: response.completed\\n"}\n\n`, false],
  ['response-event', 'data: [DONE]\n\n', true],
  ['message-stop', 'event: message_stop\ndata: {"type":"message_stop"}\n\n', true],
  ['message-stop', 'event: message_delta\ndata: {"type":"message_delta"}\n\n', false],
  ['message-stop', 'event: error\ndata: {"type":"error","error":{}}\n\n', true],
  ['audio-event', 'data: {"type":"transcript.text.done","text":"a"}\n\n', true],
  ['audio-event', 'data: {"type":"speech.audio.delta","audio":"a"}\n\n', false],
  ['image-event', `event: image_edit.completed\ndata: {"b64_json":"${long}"}\n\n`, true],
])('%s, stream %#', (end, text, complete) => {
  for (const size of [1, 7, 4096, 1 << 20]) expect(judge(end, text, size)).toBe(complete);
});
