/** This section is not in this version of the page. */
import { html } from "../html.js";

/** @param {import("../main.js").SectionProps} props */
export default function Section({ t }) {
  return html`<h1>${t("speak.tab")}</h1><p>${t("shell.absent")}</p>`;
}
