/** A transcript: to be heard, edited and exported. While its job runs: the text so far. */
import { html, useEffect, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { tellError } from "../messages.js";
import { Editor } from "../result/editor.js";
import { openSession } from "../result/session.js";
import { useStore } from "../store.js";
import { followJob, isOpen, jobs, updateJob } from "../transcribe/jobs.js";
import { JobRow } from "../transcribe/rows.js";

/** @param {import("../main.js").SectionProps} props */
export default function Section({ args: [id] }) {
  const [session, setSession] = useState(/** @type {ReturnType<typeof import("../result/session.js").createSession>|null} */ (null));
  const [failed, setFailed] = useState(false);
  const { rows, away } = useStore(jobs);
  const row = rows.find((each) => each.job.id === id);
  useEffect(() => {
    const ending = new AbortController();
    setSession(null);
    open(id, ending.signal)
      .then((opened) => opened && setSession(opened))
      .catch((error) => {
        if (ending.signal.aborted) return;
        setFailed(true);
        tellError(error);
      });
    return () => ending.abort();
  }, [id]);
  return html`
    <p><a href="#/transcribe">← ${t("result.all")}</a></p>
    ${session ? html`<${Title} session=${session} />` : html`<h1>${row?.name || t("result.tab")}</h1>`}
    ${session ? html`<${Editor} key=${session.id} session=${session} />` : waiting(row, failed, away)}
  `;
}

/** @param {{session: ReturnType<typeof import("../result/session.js").createSession>}} props */
function Title({ session }) {
  return html`<h1>${useStore(session.store).name || t("result.tab")}</h1>`;
}

/** @param {import("../transcribe/jobs.js").Row|undefined} row @param {boolean} failed @param {boolean} away */
function waiting(row, failed, away) {
  if (row)
    return html`${away && html`<p class="fault" role="alert">${t("error.unreachable")}</p>`}
      <ul class="rows card">
        <${JobRow} row=${row} />
      </ul>`;
  return html`<p>${t(failed ? "result.none" : "shell.loading")}</p>`;
}

/** Follows the job to its end, if that has not come. @param {string} id @param {AbortSignal} signal */
async function open(id, signal) {
  const first = await openSession(id, signal);
  if ("session" in first) return first.session;
  updateJob(first.job);
  if (!isOpen(first.job)) return null;
  await followJob(id, signal);
  const then = await openSession(id, signal);
  return "session" in then ? then.session : null;
}
