/** One cue: its time, who speaks, its words. It is drawn again only when something of it has changed. */
import { Component } from "preact";
import { clock } from "../clock.js";
import { DOUBTFUL, speakerOf } from "../editor/model.js";
import { html } from "../html.js";
import { t } from "../i18n/index.js";

/** @typedef {{cue: import("../editor/model.js").Cue, selected: number, found: Set<number>|null, language: string}} Props
 *    `selected`: id of the selected word, -1 for none. `found`: ids of the words that a search has found. */

/** @extends {Component<Props>} */
export class CueRow extends Component {
  /** @param {Props} next */
  shouldComponentUpdate(next) {
    const old = /** @type {Props} */ (this.props);
    return (
      next.cue !== old.cue || next.selected !== old.selected || next.found !== old.found || next.language !== old.language
    );
  }

  render() {
    const { cue, selected, found } = /** @type {Props} */ (this.props);
    const speaker = speakerOf(cue);
    return html`<div class=${cue.evidence.length ? "cue evidence" : "cue"} role="group" data-cue=${cue.id} aria-label=${`${clock(cue.start)} ${speaker}`}>
      <p class="head">
        <span class="time" data-time=${cue.start}>${clock(cue.start)}</span>
        ${speaker && html`<span class="speaker">${speaker}</span>`}
        ${cue.evidence.length > 0 && html`<span class="fault">${t("result.evidence", { evidence: cue.evidence.join(", ") })}</span>`}
      </p>
      <p class="words">${cue.words.flatMap((word, at) => [at > 0 && word.before, wordSpan(word, word.id === selected, found?.has(word.id))])}</p>
    </div>`;
  }
}

/** @param {import("../editor/model.js").Word} word @param {boolean} selected @param {boolean} [found] */
function wordSpan(word, selected, found) {
  const doubtful = word.p < DOUBTFUL;
  const classes = ["word", selected && "selected", doubtful && "doubt", found && "found"].filter(Boolean).join(" ");
  return html`<span
    key=${word.id}
    id=${`w${word.id}`}
    role="option"
    class=${classes}
    aria-selected=${selected}
    title=${doubtful ? t("result.doubt", { percent: Math.round(word.p * 100) }) : undefined}
    >${word.word}</span
  >`;
}
