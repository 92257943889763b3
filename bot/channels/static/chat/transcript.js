/** The conversation on the page: entries in the portal's order, then own turns that are still on their way. */

const LINK = /https:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]]/g;
const GROUP_MS = 120_000;
const NEAR_END_PX = 80;

/** An element with attributes, data attributes (`data`) and children; text only ever becomes a text node. */
function element(tag, { data = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, data);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** The URL if it is https, without a login in it, or the portal's own, else null. */
function safeUrl(text) {
  if (!URL.canParse(text, location.href)) return null;
  const url = new URL(text, location.href);
  if (url.origin === location.origin) return url.href;
  return url.protocol === "https:" && !url.username && !url.password ? url.href : null;
}

/** The text as nodes, its https addresses as links. */
function linked(text, anchor) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    nodes.push(text.slice(end, found.index), anchor(found[0], found[0]));
    end = found.index + found[0].length;
  }
  return [...nodes, text.slice(end)];
}

/** Shows entries and pending turns. Entries may come twice and in any order. */
export class Transcript {
  #log = document.querySelector("#log");
  #list = document.querySelector("#entries");
  #latest = document.querySelector("#latest");
  #items = new Map();
  #pending = new Map();
  #atEnd = true;
  #words;
  #onChoice;

  /**
   * @param {import("./labels.js").Words} words
   * @param {(choice: {entry: string, index: number}, title: string) => void} onChoice
   */
  constructor(words, onChoice) {
    this.#words = words;
    this.#onChoice = onChoice;
    this.#latest.addEventListener("click", () => this.#toEnd());
    this.#log.addEventListener("scroll", () => this.#scrolled());
    new ResizeObserver(() => this.keepEnd()).observe(this.#log);
  }

  /** Show these entries and nothing else. */
  reset(entries) {
    this.#items.clear();
    this.#pending.clear();
    this.#list.replaceChildren();
    for (const entry of entries) this.#place(entry);
    this.#tidy();
    this.#toEnd();
  }

  /** Show an entry. Returns whether it is new. */
  add(entry) {
    if (this.#items.has(entry.seq)) return false;
    this.#place(entry).classList.toggle("fresh", entry.who !== "customer");
    this.#tidy();
    if (this.#atEnd || entry.who === "customer") this.#toEnd();
    else this.#latest.hidden = false;
    return true;
  }

  /** Show an own turn that the portal does not know yet. */
  addPending({ id, text, language }) {
    const entry = { who: "customer", text, language, choices: [], at: new Date().toISOString() };
    const item = this.#item(entry);
    this.#pending.set(id, { entry, item });
    this.#list.append(item);
    this.#tidy();
    this.#toEnd();
  }

  /** Take back a pending turn. */
  removePending(id) {
    this.#pending.get(id)?.item.remove();
    this.#pending.delete(id);
    this.#tidy();
  }

  /** Whether the turn has not come back as an entry yet. */
  isPending(id) {
    return this.#pending.has(id);
  }

  /** Say under a pending turn how it stands: a label's key or null, with a retry button if given. */
  mark(id, label, { reason = "", retry = null } = {}) {
    const item = this.#pending.get(id)?.item;
    if (!item) return;
    item.querySelector(".state")?.remove();
    item.classList.toggle("failed", retry !== null);
    if (label === null) return;
    item.append(this.#state(label, reason, retry));
    this.#words.apply(item);
    this.#toEnd();
  }

  /** The conversation as plain text. */
  toText() {
    const shown = [...this.#sorted(), ...this.#pending.values()];
    return shown.map(({ entry }) => {
      const at = new Date(entry.at).toLocaleString(this.#words.language);
      const link = entry.link ? `\n${entry.link.title}: ${entry.link.url}` : "";
      const place = entry.location ? `\n${this.#words.get("showMap")}: ${entry.location.url}` : "";
      return `${this.#words.get(entry.who)}, ${at}\n${entry.text}${link}${place}\n`;
    }).join("\n");
  }

  /** Keep the end in view, if it was, after something has grown. */
  keepEnd() {
    if (this.#atEnd) this.#toEnd();
  }

  #place(entry) {
    const own = entry.who === "customer" ? this.#pending.get(entry.id) : undefined;
    if (own) this.#pending.delete(entry.id);
    const item = this.#item(entry);
    own?.item.remove();
    this.#items.set(entry.seq, { entry, item });
    const next = this.#sorted().find((other) => other.entry.seq > entry.seq)?.item;
    this.#list.insertBefore(item, next ?? this.#firstPending());
    return item;
  }

  #sorted() {
    return [...this.#items.values()].sort((a, b) => a.entry.seq - b.entry.seq);
  }

  #firstPending() {
    return this.#pending.values().next().value?.item ?? null;
  }

  #item(entry) {
    const meta = element("p", { className: "meta" },
      element("span", { data: { label: entry.who } }), " ", element("time", { dateTime: entry.at }));
    const item = element("li", { className: `entry ${entry.who}` },
      meta, this.#bubble(entry), this.#choices(entry));
    this.#words.apply(item);
    return item;
  }

  #bubble(entry) {
    const anchor = (address, title) => this.#anchor(address, title);
    const text = entry.who === "customer" ? [entry.text] : linked(entry.text, anchor);
    return element("div", { className: "bubble", lang: entry.language },
      entry.text ? element("p", { className: "text" }, ...text) : null,
      this.#image(entry.image), this.#card(entry.link), this.#placeCard(entry.location, entry.text));
  }

  #anchor(address, title) {
    const hint = element("span", { className: "visually-hidden", data: { label: "newTab" } });
    hint.lang = this.#words.language;
    return element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, title, hint);
  }

  #card(link) {
    const url = link && safeUrl(link.url);
    return url ? element("p", { className: "card" }, this.#anchor(url, link.title || url)) : null;
  }

  /** A place: its name, its address unless the text tells it, and a link to a map. No map is loaded into the page. */
  #placeCard(place, text) {
    const url = place && safeUrl(place.url);
    if (!url) return null;
    const told = [place.name, place.address].filter((words) => words && !text.includes(words));
    const map = this.#anchor(url, element("span", { data: { label: "showMap" } }));
    return element("p", { className: "card place" }, ...told.map((words) => element("span", {}, words)), map);
  }

  /** An image; where the page may not load it, a link to it. */
  #image(address) {
    const url = address && safeUrl(address);
    if (!url) return null;
    const image = element("img", { src: url, loading: "lazy", data: { alt: "image" } });
    image.addEventListener("error", () => {
      const link = element("p", { className: "card" }, this.#anchor(url, this.#words.get("showImage")));
      this.#words.apply(link);
      image.replaceWith(link);
    });
    image.addEventListener("load", () => this.keepEnd());
    return image;
  }

  #choices(entry) {
    if (!entry.choices?.length) return null;
    const buttons = entry.choices.map(({ title }, index) => {
      const button = element("button", { type: "button", lang: entry.language }, title);
      button.addEventListener("click", () => this.#onChoice({ entry: entry.id, index }, title));
      return button;
    });
    const group = element("div",
      { className: "choices", role: "group", data: { ariaLabel: "choices" } }, ...buttons);
    group.addEventListener("keydown", (event) => moveFocus(event, buttons));
    return group;
  }

  #state(label, reason, retry) {
    const state = element("p", { className: "state" },
      reason ? element("span", { className: "reason" }, reason) : null, element("span", { data: { label } }));
    if (!retry) return state;
    const button = element("button", { type: "button", data: { label: "retry" } });
    button.addEventListener("click", retry);
    state.append(" – ", button);
    return state;
  }

  /** Only the newest choices can be taken, until something was said; a speaker is named once in a row. */
  #tidy() {
    document.querySelector("#welcome").hidden = this.#list.children.length > 0;
    let open = true;
    for (const item of [...this.#list.children].reverse()) {
      const choices = item.querySelector(".choices");
      for (const button of choices?.children ?? []) button.disabled = !open;
      open &&= !choices && !item.classList.contains("customer");
      item.classList.toggle("follows", follows(item, item.previousElementSibling));
    }
  }

  #scrolled() {
    this.#atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR_END_PX;
    if (this.#atEnd) this.#latest.hidden = true;
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#atEnd = true;
    this.#latest.hidden = true;
  }
}

/** Whether an item continues what the same speaker said shortly before. */
function follows(item, before) {
  const at = (each) => Date.parse(each.querySelector("time").dateTime);
  const speaker = (each) => ["customer", "agent", "bot"].find((who) => each.classList.contains(who));
  return before !== null && speaker(item) === speaker(before) && at(item) - at(before) < GROUP_MS;
}

/** Arrow keys, Home and End move among buttons. */
function moveFocus(event, buttons) {
  const here = buttons.indexOf(document.activeElement);
  const target = {
    ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: -1,
  }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  buttons.at(target % buttons.length).focus();
}
