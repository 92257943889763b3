/** One customer's telephone: what was written, options to press, and what became of each message. */

import * as sandbox from "./api.js";

const URL_IN_TEXT = /(https?:\/\/[^\s<>"]+)/;
const STATES = ["read", "delivered", "sent"];

/** Make an element with a class and a text. */
function make(tag, className, text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

function link(url, text) {
  return Object.assign(make("a", "", text), { href: url, target: "_blank", rel: "noopener noreferrer" });
}

export class Telephone {
  #words;
  #who;
  #entries = new Map();

  /** `name` is who it is. */
  constructor(words, customer, name) {
    this.#words = words;
    this.#who = { channel: customer.channel, address: customer.address };
    const template = document.querySelector("#telephone");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.channel = customer.channel;
    this.#find(".who").textContent = name;
    this.#find(".log").setAttribute("aria-label", name);
    this.#wire();
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }

  #wire() {
    this.#find("form").addEventListener("submit", (event) => this.#write(event));
    this.#find(".day").addEventListener("click", () => this.#act({ kind: "day" }));
    for (const button of this.element.querySelectorAll("[data-deed]")) {
      button.addEventListener("click", () => this.#act({ kind: button.dataset.deed }));
    }
  }

  /** Put the cursor into the field. */
  focus() {
    this.#find("input").focus();
  }

  async #write(event) {
    event.preventDefault();
    const field = this.#find("input");
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    if (!(await this.#act({ kind: "text", text }))) field.value = text;
  }

  async #act(deed) {
    try {
      await sandbox.act({ ...this.#who, ...deed });
      this.#find(".problem").textContent = "";
      return true;
    } catch {
      this.#find(".problem").textContent = this.#words.get("notDone");
      return false;
    }
  }

  /** Show the customer as the sandbox knows them now. */
  show(customer) {
    this.#words.apply(this.element);
    this.#find(".about").textContent = this.#about(customer);
    this.#find(".typing").hidden = !customer.typing;
    const before = this.#entries.size;
    for (const entry of customer.line) this.#showEntry(entry);
    if (this.#entries.size === before) return;
    const log = this.#find(".log");
    log.scrollTop = log.scrollHeight;
  }

  /** Put an entry at the end, or what changed of it in its place: an open list stays open. */
  #showEntry(entry) {
    const known = this.#entries.get(entry.id);
    const content = JSON.stringify([this.#words.language, entry.shown ?? entry.text]);
    const state = entry.who === "customer" ? this.#taken(entry) : this.#reached(entry);
    if (known?.content === content) {
      if (known.state.textContent === state.textContent) return;
      known.state.replaceWith(state);
      known.state = state;
      return;
    }
    const element = this.#entry(entry, state);
    if (known) known.element.replaceWith(element);
    else this.#find(".entries").append(element);
    this.#entries.set(entry.id, { content, element, state });
  }

  #about({ channel, opted_out, window, line }) {
    const parts = [this.#words.get(channel)];
    if (channel !== "sms" && line.length) parts.push(this.#words.get(window ? "window" : "noWindow"));
    if (opted_out) parts.push(this.#words.get("optedOut"));
    return parts.join(" · ");
  }

  #entry(entry, state) {
    const item = make("li", `entry ${entry.who}`);
    const bubble = make("div", "bubble");
    if (entry.who === "customer") bubble.append(make("div", "text", this.#uttered(entry)));
    else bubble.append(...this.#message(entry));
    item.append(bubble, state);
    return item;
  }

  #uttered({ kind, text }) {
    const key = { image: "sentPhoto", voice: "sentVoice", place: "sentPlace" }[kind];
    return [key && this.#words.get(key), text].filter(Boolean).join(" · ");
  }

  #message({ id, shown }) {
    const parts = [];
    if (shown.template) parts.push(make("div", "template", this.#words.get("template")(shown.template)));
    if (shown.image) parts.push(this.#image(shown.image));
    if (shown.text) parts.push(this.#text(shown.text));
    if (shown.place) parts.push(this.#place(shown.place));
    if (shown.options.length) parts.push(this.#options(id, shown));
    return parts;
  }

  #text(text) {
    const box = make("div", "text");
    text.split(URL_IN_TEXT).forEach((part, index) => box.append(index % 2 ? link(part, part) : part));
    return box;
  }

  #image(url) {
    const image = Object.assign(make("img", ""), { src: url, alt: this.#words.get("image"), loading: "lazy" });
    image.addEventListener("error", () => image.replaceWith(link(url, url)));
    return image;
  }

  #place({ latitude, longitude, name }) {
    const url = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
    const box = make("div", "place", name ? `📍 ${name} · ` : "📍 ");
    box.append(link(url, this.#words.get("map")));
    return box;
  }

  #options(message, { options, list_title }) {
    const box = make("div", list_title ? "options rows" : "options");
    box.append(...options.map((option, index) => this.#option(message, option, index)));
    if (!list_title) return box;
    const list = make("details", "");
    list.append(make("summary", "", list_title), box);
    return list;
  }

  #option(message, { title, description, kind, url }, index) {
    if (kind === "link") return link(/^https?:/.test(url) ? url : "#", title);
    const button = Object.assign(make("button", "", title), { type: "button" });
    if (description) button.append(make("small", "", description));
    button.addEventListener("click", () => this.#act({ kind: "press", message, option: index }));
    return button;
  }

  /** What became of the portal's message. */
  #reached({ states, error, segments }) {
    if (states.includes("failed")) return make("p", "state failed", this.#words.get("failed")(error));
    const state = STATES.find((each) => states.includes(each));
    const parts = [state ? this.#words.get("state")[state] : this.#words.get("accepted")];
    if (segments > 1) parts.push(this.#words.get("segments")(segments));
    return make("p", "state", parts.join(" · "));
  }

  /** What the portal made of the customer's message. */
  #taken({ status, read }) {
    if (status >= 200 && status < 300) return make("p", "state", this.#words.get(read ? "seen" : "taken"));
    const known = status <= 0 ? this.#words.get("unreachable") : this.#words.get(`refused${status}`);
    return make("p", "state failed", known ?? this.#words.get("refused")(status));
  }
}
