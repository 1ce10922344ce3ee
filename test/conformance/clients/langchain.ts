/** LangChain's ChatOpenAI and OpenAIEmbeddings. */
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { collect, report, target } from './checks.ts';
import {
  countTo20,
  personQuestion,
  personSchema,
  question,
  weatherParameters,
  weatherQuestion,
} from './prompts.ts';

const open = (url: string) => ({
  apiKey: 'none',
  maxRetries: 0,
  configuration: { baseURL: `${url}/v1` },
});
const chat = new ChatOpenAI({
  ...open(target.chat.url),
  model: target.chat.model,
  temperature: 0,
  maxTokens: 60,
});
const weather = {
  type: 'function' as const,
  function: { name: 'get_weather', description: 'Weather', parameters: weatherParameters },
};
const embed = target.embed;

await report({
  invoke: async () => {
    const { content, usage_metadata } = await chat.invoke(question);
    return { content, usage_metadata };
  },
  stream: async () =>
    (await collect(await chat.stream(countTo20))).map(({ content, usage_metadata }) => ({
      content,
      usage_metadata,
    })),
  batch: async () =>
    (await chat.batch([question, countTo20, question])).map(({ content }) => content),
  bindTools: async () => {
    const { tool_calls } = await chat.bindTools([weather]).invoke(weatherQuestion);
    return tool_calls?.map(({ name, args }) => ({ name, args }));
  },
  withStructuredOutput: () =>
    chat
      .withStructuredOutput({ title: 'person', ...personSchema }, { method: 'jsonSchema' })
      .invoke(personQuestion),
  'unknown model': async () => {
    const other = new ChatOpenAI({
      ...open(target.chat.url),
      model: 'no/such-model',
      temperature: 0,
    });
    return (await other.invoke(question)).content;
  },
  ...(embed && {
    embedDocuments: () =>
      new OpenAIEmbeddings({ ...open(embed.url), model: embed.model }).embedDocuments([
        'The sea',
        'A boat',
      ]),
  }),
});
