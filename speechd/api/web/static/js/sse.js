/** Server-sent events out of an answer (WHATWG HTML, section 9.2.6). EventSource cannot send a key. */

/**
 * @param {Response} reply
 * @returns {AsyncGenerator<{event: string, data: string, id: string}>}
 */
export async function* readEvents(reply) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (reply.body).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += decoder.decode(value, { stream: !done });
      const blocks = rest.split(/\r\n\r\n|\n\n|\r\r/);
      rest = done ? "" : /** @type {string} */ (blocks.pop());
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event) yield event;
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * @param {string} block the lines of one event
 * @returns {{event: string, data: string, id: string}|null} null for comments
 */
export function parseEvent(block) {
  const found = { event: "message", data: /** @type {string[]} */ ([]), id: "" };
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "data") found.data.push(value ?? "");
    else if (field === "event") found.event = value ?? "";
    else if (field === "id") found.id = value ?? "";
  }
  return found.data.length ? { ...found, data: found.data.join("\n") } : null;
}
