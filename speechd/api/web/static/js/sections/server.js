/** Server: what runs on it and what is installed, as far as the key may see it. */
import { html } from "../html.js";
import { Jobs } from "../server/jobs.js";
import { Keys } from "../server/keys.js";
import { Mine, whoAmI } from "../server/me.js";
import { Models } from "../server/models.js";
import { Trouble, usePolled } from "../server/polled.js";
import { SettingsTable } from "../server/settings.js";
import { Status } from "../server/status.js";

const SECONDS = 15;

/** The parts: rows. `needs` is the permission without which a key does not see it. */
const PARTS = [
  { id: "status", Part: Status, needs: "admin" },
  { id: "jobs", Part: Jobs, needs: "" },
  { id: "models", Part: Models, needs: "" },
  { id: "keys", Part: Keys, needs: "admin" },
  { id: "settings", Part: SettingsTable, needs: "admin" },
];

/** @param {import("../main.js").SectionProps} props */
export default function Section(props) {
  const { api, t, args } = props;
  const { value: me, error, refresh } = usePolled(() => whoAmI(api), SECONDS);
  const seen = PARTS.filter((row) => !row.needs || me?.scopes.includes(row.needs));
  const part = seen.find((row) => row.id === args[0]) ?? seen[0];
  return html`<h1>${t("server.title")}</h1>
    <${Trouble} error=${error} />
    ${me &&
    html`<nav class="parts" aria-label=${t("server.parts")}>
        ${seen.map(
          (row) => html`<a href=${`#/server/${row.id}`} aria-current=${row === part ? "page" : undefined}>${t(`server.part_${row.id}`)}</a>`,
        )}
      </nav>
      <${Mine} t=${t} me=${me} />
      <section class="card"><${part.Part} ...${props} me=${me} reload=${refresh} may=${me.scopes.includes("models")} /></section>`}`;
}
