// OpenAI's SDK for JavaScript: its realtime client, as a browser opens it.
//
//     node openai_js_calls.mjs ADDRESS RECORDING FOLDER
//
// Prints what came of each call, one JSON object a line.
import fs from "node:fs";
import OpenAI from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket; // node 20 has none of its own

const [address, recording] = process.argv.slice(2);
const wav = fs.readFileSync(recording);
const rate = wav.readUInt32LE(24);
const samples = wav.subarray(44);
const COMPLETED = "conversation.item.input_audio_transcription.completed";

async function call(name, make) {
  let result;
  try {
    result = { text: await make() };
  } catch (fault) {
    result = { failure: `${fault.name}: ${fault.message}` };
  }
  console.log(JSON.stringify({ call: name, ...result }));
}

const client = (apiKey = "unused") => new OpenAI({ baseURL: `${address}/v1`, apiKey, dangerouslyAllowBrowser: true });

function heard(openai, model, turn_detection) {
  const rt = new OpenAIRealtimeWebSocket(
    { model, dangerouslyAllowBrowser: true, onURL: (url) => { url.protocol = "ws"; } },
    openai,
  );
  return new Promise((resolve, reject) => {
    rt.on("error", reject);
    rt.on(COMPLETED, (event) => { rt.close(); resolve(event.transcript); });
    rt.socket.addEventListener("open", () => {
      const input = { format: { type: "audio/pcm", rate }, turn_detection };
      rt.send({ type: "session.update", session: { type: "transcription", audio: { input } } });
      const spoken = Buffer.concat([samples, Buffer.alloc(2 * rate)]);
      for (let start = 0; start < spoken.length; start += rate / 5) {
        const piece = spoken.subarray(start, start + rate / 5);
        rt.send({ type: "input_audio_buffer.append", audio: piece.toString("base64") });
      }
      if (!turn_detection) rt.send({ type: "input_audio_buffer.commit" });
    });
  });
}

async function withSecret() {
  const secret = await client().realtime.clientSecrets.create({ session: { type: "transcription" } });
  return heard(client(secret.value), "gpt-realtime", { type: "server_vad" });
}

await call("realtime server_vad", () => heard(client(), "whisper-1", { type: "server_vad" }));
await call("realtime commit", () => heard(client(), "gpt-4o-transcribe", null));
await call("realtime with a client secret", withSecret);
