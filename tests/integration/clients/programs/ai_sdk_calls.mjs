// Vercel's AI SDK: transcribe and generateSpeech with the options of its providers for OpenAI, Groq and compatible servers.
//
//     node ai_sdk_calls.mjs ADDRESS RECORDING FOLDER
//
// Prints what came of each call, one JSON object a line.
import fs from "node:fs";
import path from "node:path";
import { createGroq } from "@ai-sdk/groq";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { experimental_generateSpeech as generateSpeech, experimental_transcribe as transcribe, embed, generateText } from "ai";

const [address, recording, folder] = process.argv.slice(2);
const openai = createOpenAI({ baseURL: `${address}/v1`, apiKey: "unused" });
const groq = createGroq({ baseURL: `${address}/openai/v1`, apiKey: "unused" });
const compatible = createOpenAICompatible({ name: "speechd", baseURL: `${address}/v1`, apiKey: "unused" });
const audio = fs.readFileSync(recording);
const text = "The weather in Lisbon is warm today.";

async function call(name, make) {
  let result;
  try {
    const made = await make();
    if (typeof made === "string") result = { text: made };
    else {
      const file = path.join(folder, `${fs.readdirSync(folder).length}.audio`);
      fs.writeFileSync(file, made);
      result = { audio: file };
    }
  } catch (fault) {
    result = { failure: `${fault.name}: ${fault.message} ${fault.responseBody ?? ""}` };
  }
  console.log(JSON.stringify({ call: name, ...result }));
}

const heard = async (model, options = {}) => {
  const [provider] = model.provider.split(".");
  const reply = await transcribe({ model, audio, maxRetries: 0, providerOptions: { [provider]: options } });
  return reply.text;
};
const segments = async (model, options, language) => {
  const reply = await transcribe({ model, audio, maxRetries: 0, providerOptions: options });
  if (!(reply.durationInSeconds > 2)) throw new Error(`duration ${reply.durationInSeconds}`);
  if (reply.language !== language) throw new Error(`language ${reply.language}`);
  return reply.segments.map((segment) => segment.text.trim()).join(" ");
};
const spoken = async (options) => {
  const reply = await generateSpeech({ model: openai.speech("tts-1"), text, maxRetries: 0, ...options });
  return reply.audio.uint8Array;
};

for (const id of ["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"])
  await call(`openai transcribe ${id}`, () => heard(openai.transcription(id)));
for (const id of ["whisper-large-v3", "whisper-large-v3-turbo"])
  await call(`groq transcribe ${id}`, () => heard(groq.transcription(id)));
const whisper = openai.transcription("whisper-1");
await call("openai transcribe language", () => heard(whisper, { language: "en" }));
await call("openai transcribe prompt", () => heard(whisper, { prompt: "A library." }));
await call("openai transcribe temperature", () => heard(whisper, { temperature: 0 }));
await call("openai transcribe include", () => heard(openai.transcription("gpt-4o-transcribe"), { include: ["logprobs"] }));
await call("openai transcribe languages, keywords", () =>
  heard(openai.transcription("gpt-transcribe"), { languages: ["en", "es"], keywords: ["Laura"] }));
await call("openai transcribe timestampGranularities segment", () =>
  segments(whisper, { openai: { timestampGranularities: ["segment"] } }, "en"));
await call("openai transcribe timestampGranularities word", () =>
  segments(whisper, { openai: { timestampGranularities: ["word"] } }, "en"));
const turbo = groq.transcription("whisper-large-v3-turbo");
await call("groq transcribe language, prompt, temperature", () =>
  heard(turbo, { language: "en", prompt: "A library.", temperature: 0 }));
await call("groq transcribe verbose_json", () =>
  segments(turbo, { groq: { responseFormat: "verbose_json", timestampGranularities: ["segment"] } }, "English"));
await call("groq transcribe timestampGranularities with json", () =>
  heard(turbo, { responseFormat: "json", timestampGranularities: ["word"] }));

for (const id of ["tts-1", "tts-1-hd", "gpt-4o-mini-tts"])
  await call(`openai speech ${id}`, () => spoken({ model: openai.speech(id) }));
for (const outputFormat of ["mp3", "opus", "aac", "flac", "wav"])
  await call(`openai speech outputFormat ${outputFormat}`, () => spoken({ outputFormat }));
await call("openai speech voice", () => spoken({ voice: "nova" }));
await call("openai speech speed", () => spoken({ speed: 1.25 }));
await call("openai speech instructions", () => spoken({ model: openai.speech("gpt-4o-mini-tts"), instructions: "Softly." }));
await call("openai speech language", () => spoken({ language: "en" }));

const prompt = "hi";
await call("openai-compatible generateText", async () =>
  (await generateText({ model: compatible("tiny-chat"), prompt, maxRetries: 0 })).text);
await call("openai generateText (responses)", async () =>
  (await generateText({ model: openai("tiny-chat"), prompt, maxRetries: 0 })).text);
await call("groq generateText", async () => (await generateText({ model: groq("tiny-chat"), prompt, maxRetries: 0 })).text);
await call("openai-compatible embed", async () =>
  `${(await embed({ model: compatible.embeddingModel("tiny-embed"), value: "hi", maxRetries: 0 })).embedding.length} numbers`);
