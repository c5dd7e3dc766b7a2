// Drives a running speechd with the openai and groq-sdk packages; prints what they returned as one JSON object.
import fs from "node:fs";
import Groq from "groq-sdk";
import OpenAI from "openai";

const [base, english, spanish] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "unused", maxRetries: 0 });
const groq = new Groq({ baseURL: base, apiKey: "unused", maxRetries: 0 });
const verbose = { model: "whisper-pocket", response_format: "verbose_json", timestamp_granularities: ["word", "segment"] };
const refused = async (promise) => promise.then(() => null, (error) => ({ status: error.status, code: error.code ?? error.error?.error?.code }));

const deltas = [];
const stream = await openai.audio.transcriptions.create({ model: "whisper-pocket", file: fs.createReadStream(english), stream: true });
for await (const event of stream) deltas.push(event);

console.log(JSON.stringify({
  openai: await openai.audio.transcriptions.create({ ...verbose, file: fs.createReadStream(english) }),
  groq: await groq.audio.transcriptions.create({ ...verbose, file: fs.createReadStream(english) }),
  srt: await openai.audio.transcriptions.create({ model: "whisper-pocket", response_format: "srt", file: fs.createReadStream(english) }),
  translations: [
    (await openai.audio.translations.create({ model: "whisper-pocket", file: fs.createReadStream(spanish) })).text,
    (await groq.audio.translations.create({ model: "whisper-pocket", file: fs.createReadStream(spanish) })).text,
  ],
  deltas,
  models: (await openai.models.list()).data.map((model) => model.id),
  unknown: await refused(openai.audio.transcriptions.create({ model: "no-such", file: fs.createReadStream(english) })),
  broken: await refused(groq.audio.transcriptions.create({ model: "whisper-pocket", file: await Groq.toFile(Buffer.from("not audio"), "a.mp3") })),
}));
