/** The lines of the call on the page; words only ever become text nodes. */

const find = (selector) => document.querySelector(selector);

/** Shows what was said, keyed and heard, newest below. */
export class Transcript {
  #words;

  /** @param {import("./labels.js").Words} words */
  constructor(words) {
    this.#words = words;
  }

  /** A new call: nothing said yet. */
  clear() {
    find("#lines").replaceChildren();
  }

  /** What the caller did. */
  own(text, language = this.#words.language) {
    this.#line("me", this.#words.get("me"), text, language);
  }

  /** Something that was heard, as the API tells it. */
  heard({ kind, text, language, seconds }, company) {
    if (kind === "say") this.#line("portal", company, text, language);
    else if (kind === "pause") this.#event(this.#words.get("pause")(seconds));
    else if (kind === "play") this.#event(this.#words.get("play"));
    else if (kind === "dial") this.#event(this.#words.get("dial")(text));
    else if (kind === "problem") this.#event(this.#words.get("problem")(text), "failed");
    else this.#event(this.#words.get("hangupLine"));
  }

  #event(text, more = "") {
    this.#line(`event ${more}`.trim(), "", text, this.#words.language);
  }

  #line(kind, who, text, language) {
    const line = Object.assign(document.createElement("li"), { className: kind });
    if (who) line.append(Object.assign(document.createElement("span"), { className: "who", textContent: who }));
    line.append(Object.assign(document.createElement("span"), { className: "words", lang: language, textContent: text }));
    find("#lines").append(line);
    find("#log").scrollTop = find("#log").scrollHeight;
  }
}
