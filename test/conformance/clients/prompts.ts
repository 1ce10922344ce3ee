/** Questions whose answers the Skiff model has learned, and what is asked with them. */
export const question = 'Who are you?';
export const countTo20 = 'Count from 1 to 20.';
export const weatherQuestion = 'What is the weather in Paris?';
export const weatherParameters = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
} as const;
export const personSchema = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer', maximum: 99 } },
  required: ['name', 'age'],
  additionalProperties: false,
} as const;
export const personQuestion = 'Give me a person as JSON.';
/** About 1,500 tokens of the model's 2,048. */
export const longPrompt = 'The sea is wide and the boat is small. '.repeat(100);
/** More than the model can take. */
export const tooLongPrompt = 'The sea is wide and the boat is small. '.repeat(2_000);
export const unicode = 'Grüße, 世界! 👩‍👩‍👧‍👦 e\u0301 \u{1F6F6} \u2028 "quoted" \\back\\ \t tab';
