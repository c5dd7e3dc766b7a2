// Drives every text resource of the openai and groq-sdk packages against a running speechd; prints one JSON object.
import Groq from "groq-sdk";
import OpenAI from "openai";

const [base, chat, embed, rerank] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "unused", maxRetries: 0 });
const groq = new Groq({ baseURL: base, apiKey: "unused", maxRetries: 0 });
const messages = [{ role: "user", content: "hi" }];
const asked = { model: chat, messages, max_tokens: 8 };
const ranking = { model: rerank, query: "hello", docs: ["a", "hello"] };
const refused = async (promise) =>
  promise.then(() => null, (error) => ({ status: error.status, code: error.code ?? error.error?.error?.code }));
const gathered = async (stream) => {
  const events = [];
  for await (const event of await stream) events.push(event);
  return events;
};

const output = {};
for (const [name, client] of Object.entries({ openai, groq })) {
  const path = name === "groq" ? "/openai/v1/reranking" : "/reranking";
  output[name] = {
    chat: await client.chat.completions.create(asked),
    chunks: await gathered(client.chat.completions.create({ ...asked, stream: true })),
    embedding: (await client.embeddings.create({ model: embed, input: "hi" })).data[0].embedding.length,
    ranked: (await client.post(path, { body: ranking })).results,
    models: (await client.models.list()).data.map((model) => model.id),
    model: (await client.models.retrieve(rerank)).id,
    unknown: await refused(client.chat.completions.create({ ...asked, model: "no-such" })),
    empty: await refused(client.chat.completions.create({ ...asked, messages: [] })),
  };
}
output.completion = (await openai.completions.create({ model: chat, prompt: "Once", max_tokens: 8 })).choices[0].text;
output.response = await openai.responses.create({ model: chat, input: "hi", max_output_tokens: 8 });
output.events = (await gathered(openai.responses.create({ model: chat, input: "hi", max_output_tokens: 8, stream: true })))
  .map((event) => event.type);
console.log(JSON.stringify(output));
