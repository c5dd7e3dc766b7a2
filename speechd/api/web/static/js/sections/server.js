/** Server: what runs on it and what is installed, as far as the key may see it. */
import { html, useEffect, useState } from "../html.js";
import { Jobs } from "../server/jobs.js";
import { Models } from "../server/models.js";

/** The parts: rows. `for` tells whether a key sees it. */
const PARTS = [
  { id: "jobs", Part: Jobs },
  { id: "models", Part: Models },
];

/** @param {import("../main.js").SectionProps} props */
export default function Section(props) {
  const { t, args } = props;
  const part = PARTS.find((row) => row.id === args[0]) ?? PARTS[0];
  return html`<h1>${t("server.title")}</h1>
    <nav class="parts" aria-label=${t("server.parts")}>
      ${PARTS.map(
        (row) => html`<a href=${`#/server/${row.id}`} aria-current=${row === part ? "page" : undefined}>${t(`server.part_${row.id}`)}</a>`,
      )}
    </nav>
    <section class="card"><${part.Part} ...${props} may=${true} /></section>`;
}
