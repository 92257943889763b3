/** The web chat's page: wires what is seen to the portal's chat API. */

import { Api } from "./api.js";
import { Composer } from "./composer.js";
import { Feed } from "./feed.js";
import { isLanguage, Words } from "./labels.js";
import { recall, remember } from "./memory.js";
import { Outbox } from "./outbox.js";
import { Transcript } from "./transcript.js";

const SPOKEN_MS = 10_000;
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
const TYPING_MS = 60_000;

const find = (selector) => document.querySelector(selector);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const query = new URLSearchParams(location.search);
const embedded = query.has("embed") && window.parent !== window;

/** A random UUID; `crypto.randomUUID` exists on secure origins only. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16));
}

/** The language chosen before, wanted by the embedding page, or first among the browser's; else German. */
function firstLanguage() {
  const browser = navigator.languages.map((tag) => tag.slice(0, 2));
  const wanted = [recall("language"), query.get("language"), ...browser];
  return wanted.find(isLanguage) ?? "de";
}

/** The page. One object for the time the page is open. */
class Chat {
  #api = new Api();
  #words = new Words(firstLanguage());
  #transcript = new Transcript(this.#words, (choice, title) => this.#say(title, choice));
  #composer = new Composer(this.#words, (text) => this.#say(text));
  #outbox = new Outbox(this.#api, this.#transcript, {
    ready: () => this.#ready,
    onRefused: (turn, message) => this.#refused(turn, message),
    onFailed: () => this.#announce(this.#words.get("failed")),
    onRetried: () => this.#composer.focus(),
    onExpired: () => this.#renew(),
  });
  #feed = new Feed(this.#api, {
    onEvent: (type, data) => this.#event(type, data),
    onState: (live) => this.#connection(live),
    onExpired: () => this.#renew(),
  });
  #ready;
  #renewing = null;
  #company = "";
  #conversationLanguage = "";
  #typingTimer;
  #typingSaid = false;

  /** Show the interface and come back to the conversation. */
  start() {
    document.documentElement.classList.toggle("embedded", embedded);
    this.#speak(this.#words.language);
    this.#wireMenu();
    this.#wireWindow();
    this.#ready = this.#arrive();
  }

  /** Visit the portal until it answers. */
  async #arrive() {
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.#visit();
      } catch (error) {
        this.#composer.complain(error.status ? error.message : "");
        this.#connection(false);
        await wait(Math.min(RETRY_MS * 2 ** failures * (1 + Math.random()), LONGEST_RETRY_MS));
      }
    }
  }

  async #visit({ fresh = false } = {}) {
    const visit = await this.#api.visit(this.#words.language, { fresh });
    this.#feed.stop();
    this.#company = visit.company;
    this.#conversationLanguage = visit.language;
    this.#speak([recall("language"), visit.language].find(isLanguage) ?? this.#words.language);
    this.#transcript.reset(visit.entries);
    if (fresh) this.#outbox.clear();
    else this.#outbox.reshow();
    this.#typing(false);
    find("#log").setAttribute("aria-busy", "false");
    this.#composer.complain("");
    this.#connection(true);
    this.#feed.start(Math.max(0, ...visit.entries.map((entry) => entry.seq)));
  }

  /** The token is worth nothing any more: begin anew, once, whoever noticed. */
  #renew() {
    this.#renewing ??= this.#arrive().then(() => {
      this.#renewing = null;
      this.#composer.complain(this.#words.get("expired"));
    });
    return this.#renewing;
  }

  #say(text, choice) {
    this.#composer.complain("");
    this.#outbox.send({ id: uuid(), text, language: this.#words.language, choice });
    this.#composer.focus();
  }

  #refused(turn, message) {
    this.#composer.complain(message || this.#words.get("unreachable"));
    if (!turn.choice) this.#composer.restore(turn.text);
  }

  #event(type, data) {
    if (type === "entry") this.#entry(data);
    else if (type === "typing") this.#typing(data.on);
    else if (type === "language" && isLanguage(data.language)) this.#follow(data.language);
  }

  /** The conversation goes on in another language; the interface follows, unless it was told that before. */
  #follow(language) {
    if (language === this.#conversationLanguage) return;
    this.#conversationLanguage = language;
    this.#choose(language);
  }

  #entry(entry) {
    if (!this.#transcript.add(entry) || entry.who === "customer") return;
    this.#typing(false);
    this.#typingSaid = false;
    this.#announce(`${this.#words.get(entry.who)}:`, entry);
    this.#tellParent("entry");
  }

  /** Show the dots, and say so once per answer. */
  #typing(on) {
    clearTimeout(this.#typingTimer);
    if (on) this.#typingTimer = setTimeout(() => this.#typing(false), TYPING_MS);
    const end = find("#typing");
    if (end.hidden === !on) return;
    end.hidden = !on;
    this.#transcript.keepEnd();
    if (on && !this.#typingSaid) this.#announce(this.#words.get("typing"));
    this.#typingSaid ||= on;
  }

  /** Have a screen reader say it, without leaving it on the page to be found twice. */
  #announce(words, entry) {
    const line = document.createElement("p");
    line.append(words, " ");
    if (entry) {
      const said = document.createElement("span");
      said.lang = entry.language;
      said.textContent = entry.text;
      line.append(said);
      const titles = entry.choices?.map((choice) => choice.title).join(", ");
      if (titles) line.append(` ${this.#words.get("choices")}: ${titles}`);
    }
    find("#announcer").append(line);
    setTimeout(() => line.remove(), SPOKEN_MS);
  }

  #connection(live) {
    const banner = find("#connection");
    const label = navigator.onLine ? "lost" : "offline";
    if (live && navigator.onLine) {
      delete banner.dataset.label;
      banner.textContent = "";
    } else if (banner.dataset.label !== label) {
      banner.dataset.label = label;
      banner.textContent = this.#words.get(label);
    }
  }

  /** Show the interface in a language. */
  #speak(language) {
    this.#words.language = language;
    const other = language === "de" ? { tag: "en", name: "English" } : { tag: "de", name: "Deutsch" };
    const company = this.#company || this.#words.get("service");
    document.documentElement.lang = language;
    Object.assign(find("#language"), { lang: other.tag, textContent: other.name });
    this.#words.apply(document);
    find("#company").textContent = company;
    document.title = `${company} – Chat`;
    this.#composer.refresh();
  }

  #choose(language) {
    remember("language", language);
    this.#speak(language);
  }

  #wireMenu() {
    const menu = find("#menu");
    const onClick = (selector, action) => find(selector).addEventListener("click", action);
    menu.addEventListener("click", () => menu.hidePopover());
    onClick("#language", () => this.#choose(this.#words.language === "de" ? "en" : "de"));
    onClick("#save", () => this.#save());
    onClick("#print", () => window.print());
    onClick("#restart", () => this.#confirm());
    onClick("#close", () => this.#tellParent("close"));
    const dialog = find("#confirm");
    dialog.addEventListener("close", () => this.#confirmed(dialog.returnValue === "yes"));
  }

  #confirm() {
    const dialog = find("#confirm");
    dialog.returnValue = "";
    dialog.showModal();
  }

  async #confirmed(restart) {
    this.#composer.focus();
    if (!restart) return;
    await this.#visit({ fresh: true }).catch((error) => {
      this.#composer.complain((error.status && error.message) || this.#words.get("unreachable"));
    });
  }

  #save() {
    const url = URL.createObjectURL(new Blob([`${document.title}\n\n${this.#transcript.toText()}`],
      { type: "text/plain;charset=utf-8" }));
    const day = new Date().toISOString().slice(0, 10);
    const link = Object.assign(document.createElement("a"), { href: url, download: `Chat-${day}.txt` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), SPOKEN_MS);
  }

  #wireWindow() {
    addEventListener("online", () => {
      this.#connection(true);
      this.#feed.wake();
      this.#outbox.retryAll();
    });
    addEventListener("offline", () => {
      this.#connection(false);
      this.#feed.drop();
    });
    document.addEventListener("visibilitychange", () => document.hidden || this.#feed.wake());
    visualViewport.addEventListener("resize", () => this.#fit());
    if (embedded) this.#wireParent();
  }

  /** Stay above an on-screen keyboard that lies over the page (iOS); leave a zoomed page alone. */
  #fit() {
    if (visualViewport.scale > 1.01) return;
    document.documentElement.style.setProperty("--visible-height", `${visualViewport.height}px`);
    scrollTo(0, 0);
  }

  #wireParent() {
    find("#close").hidden = false;
    addEventListener("message", (event) => {
      if (event.source === parent && event.data === "sprachportal:open") this.#composer.focus();
    });
    document.addEventListener("keydown", (event) => {
      const inner = find("#confirm").open || find("#menu").matches(":popover-open");
      if (event.key === "Escape" && !inner && !event.isComposing) this.#tellParent("close");
    });
  }

  /** Tell the page around this one, whichever it is: the words carry nothing private. */
  #tellParent(what) {
    if (embedded) parent.postMessage(`sprachportal:${what}`, "*");
  }
}

new Chat().start();
