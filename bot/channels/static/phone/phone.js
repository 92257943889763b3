/** The simulated phone: wires keypad, text field and ear to the portal's phone API. */

import { canListen, canSpeak, hush, listen, onVoices, speak, tone } from "./ear.js";
import { Words } from "./labels.js";
import * as portal from "./line.js";
import { Transcript } from "./transcript.js";

const KEYS = "0123456789*#";
const LONGEST_KEYS = 32;
const SHORTEST_KEY_PAUSE_MS = 2_500;

const find = (selector) => document.querySelector(selector);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The page. One object for the time the page is open. */
class Phone {
  #words = new Words();
  #transcript = new Transcript(this.#words);
  #company = "";
  #call = null;
  #busy = false;
  #number = 0;
  #part = 0;
  #keys = "";
  #keyTimer;
  #clockTimer;
  #ear = null;

  /** Show the telephone. */
  start() {
    this.#wire();
    this.#translate();
    this.#showSound();
    onVoices(() => this.#showSound());
    find("#mic").hidden = !canListen;
    portal.line().then(({ company, number }) => {
      this.#company = company;
      find("#company").textContent = company;
      find("#number").textContent = number;
    }, (error) => this.#complain(error));
  }

  #wire() {
    const onClick = (selector, action) => find(selector).addEventListener("click", action);
    onClick("#language", () => this.#translate(this.#words.language === "de" ? "en" : "de"));
    onClick("#call", () => this.#ring());
    onClick("#hangup", () => this.#hangUp());
    onClick("#silence", () => this.#take({ kind: "silence" }, this.#words.get("silent")));
    onClick("#mic", () => this.#useMicrophone());
    onClick("#keypad", (event) => this.#press(event.target.closest("[data-key]")?.dataset.key));
    find("#keypad").addEventListener("keydown", (event) => this.#typeKey(event));
    find("#composer").addEventListener("submit", (event) => this.#submit(event));
    find("#loud").addEventListener("change", () => hush());
    addEventListener("pagehide", () => this.#leave());
  }

  #translate(language = this.#words.language) {
    this.#words.language = language;
    const other = language === "de" ? { lang: "en", textContent: "English" } : { lang: "de", textContent: "Deutsch" };
    this.#words.apply();
    Object.assign(find("#language"), other);
    find("#examples").replaceChildren(...this.#words.get("examples").map((said) => this.#example(said)));
  }

  /** A line of examples; pressing one puts it into the text field. */
  #example(said) {
    const item = document.createElement("li");
    for (const text of said) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
      button.addEventListener("click", () => {
        find("#text").value = text;
        find("#text").focus();
      });
      item.append(button);
    }
    return item;
  }

  #showSound() {
    find("#loud-field").hidden = !canSpeak();
  }

  get #loud() {
    return canSpeak() && find("#loud").checked;
  }

  #ring() {
    this.#number += 1;
    this.#transcript.clear();
    this.#refuse("");
    this.#show("ringing");
    this.#inCall(true);
    find("#text").focus();
    return this.#go(portal.begin(find("#caller").value));
  }

  /** Play what the portal answers, unless this call has been hung up meanwhile. */
  async #go(request) {
    const number = this.#number;
    try {
      const state = await request;
      if (number === this.#number) await this.#play(state);
      else if (!state.ended) await portal.input(state.id, { kind: "hangup" });
    } catch (error) {
      if (number !== this.#number) return;
      this.#complain(error);
      this.#over();
    }
  }

  /** Hand in what the caller did, shown as `line`, and play what comes back. */
  #take(what, line, language = undefined) {
    if (!this.#call) return this.#refuse("noCall");
    const { listening } = this.#call;
    if (this.#busy || !listening) return this.#refuse("notListening");
    if (what.kind === "keys" && !listening.keys) return this.#refuse("notKeys");
    this.#refuse("");
    this.#busy = true;
    hush();
    this.#transcript.own(line, language ?? listening.language);
    return this.#go(portal.input(this.#call.id, what));
  }

  /** Play parts one after another until the call listens or ends; a later part silences an earlier one. */
  async #play(state) {
    const part = ++this.#part;
    this.#call = state;
    this.#busy = false;
    this.#show(state.listening ? "listening" : "speaking");
    if (state.ended) this.#over();
    for (const heard of state.heard) this.#transcript.heard(heard, this.#company);
    await this.#hear(state.heard, part);
    if (!state.due || part !== this.#part) return;
    const more = await portal.next(state.id);
    if (part === this.#part) await this.#play(more);
  }

  async #hear(heard, part) {
    for (const { kind, text, language, seconds } of heard) {
      if (part !== this.#part) return;
      if (kind === "say" && this.#loud) await speak(text, language);
      else if (kind === "pause") await wait(seconds * 1000);
    }
  }

  #submit(event) {
    event.preventDefault();
    const field = find("#text");
    const text = field.value.trim();
    if (!text) return;
    if (this.#call?.listening && !this.#busy) field.value = "";
    this.#take({ kind: "speech", text }, text);
  }

  async #useMicrophone() {
    if (this.#ear) return this.#ear.stop();
    if (!this.#call?.listening) return this.#refuse(this.#call ? "notListening" : "noCall");
    hush();
    const button = find("#mic");
    this.#ear = listen(this.#call.listening.language);
    button.setAttribute("aria-pressed", "true");
    const heard = await this.#ear.heard;
    button.setAttribute("aria-pressed", "false");
    this.#ear = null;
    if (!heard?.text) return this.#refuse("noMic");
    return this.#take({ kind: "speech", text: heard.text, confidence: heard.confidence || null }, heard.text);
  }

  #typeKey(event) {
    if (event.key === "Enter" && this.#keys) {
      event.preventDefault();
      this.#sendKeys();
    } else if (KEYS.includes(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      this.#press(event.key);
    }
  }

  /** Gather keys as the telephone network does: until the last one, the end key, or a pause. */
  #press(key) {
    if (!key) return;
    if (this.#loud) tone(key);
    const listening = this.#call?.listening;
    if (!listening?.keys || this.#busy) {
      this.#refuse(!this.#call ? "noCall" : listening ? "notKeys" : "notListening");
      return;
    }
    hush();
    this.#refuse("");
    this.#showKeys((this.#keys + key).slice(0, LONGEST_KEYS));
    clearTimeout(this.#keyTimer);
    if (key === listening.finish_key || this.#keys.length === listening.digits) this.#sendKeys();
    else {
      const pause = Math.max(listening.timeout * 1000, SHORTEST_KEY_PAUSE_MS);
      this.#keyTimer = setTimeout(() => this.#sendKeys(), pause);
    }
  }

  #sendKeys() {
    clearTimeout(this.#keyTimer);
    const keys = this.#keys;
    this.#showKeys("");
    if (keys) this.#take({ kind: "keys", text: keys }, this.#words.get("keyed")(keys), this.#words.language);
  }

  #showKeys(keys) {
    this.#keys = keys;
    find("#pressed").textContent = keys;
  }

  async #hangUp() {
    const { id } = this.#call ?? {};
    this.#over();
    if (!id) return;
    const state = await portal.input(id, { kind: "hangup" }).catch(() => ({ heard: [] }));
    for (const heard of state.heard) this.#transcript.heard(heard, this.#company);
    this.#transcript.heard({ kind: "hangup" }, this.#company);
  }

  /** Nobody is on the line any more. */
  #over() {
    this.#number += 1;
    if (!this.#call?.ended) {
      this.#part += 1;
      hush();
    }
    this.#call = null;
    this.#busy = false;
    this.#ear?.stop();
    clearTimeout(this.#keyTimer);
    this.#showKeys("");
    this.#inCall(false);
    this.#show("ended");
    find("#call").focus();
  }

  #inCall(on) {
    find("#call").hidden = on;
    find("#hangup").hidden = !on;
    find("#caller").disabled = on;
    clearInterval(this.#clockTimer);
    if (!on) return;
    const began = Date.now();
    const tick = () => {
      const seconds = Math.floor((Date.now() - began) / 1000);
      find("#clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    };
    tick();
    this.#clockTimer = setInterval(tick, 1000);
  }

  #show(state) {
    const shown = find("#state");
    if (shown.dataset.label === state) return;
    shown.dataset.label = state;
    shown.textContent = this.#words.get(state);
  }

  /** Say why something was not taken; nothing with an empty key. */
  #refuse(key) {
    find("#problem").textContent = key ? this.#words.get(key) : "";
  }

  #complain(error) {
    if (!(error instanceof portal.LineError)) throw error;
    this.#refuse({ 404: "gone", 409: "notListening" }[error.status] ?? "unreachable");
  }

  /** The page goes: so does the caller. */
  #leave() {
    hush();
    if (!this.#call) return;
    const body = new Blob([JSON.stringify({ kind: "hangup" })], { type: "application/json" });
    navigator.sendBeacon(`/phone/api/calls/${this.#call.id}/input`, body);
  }
}

new Phone().start();
