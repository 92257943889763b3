/** What the portal tells us as it happens: server-sent events read with fetch, polling where they are refused. */

const RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
const POLL_MS = 3_000;
const POLL_FOR_MS = 60_000;
const SETTLED_MS = 5_000;
const STALE_MS = 20_000;
const SILENT_MS = 60_000;
const EVENTS = ["entry", "typing", "language"];

/** Reads the text/event-stream format (HTML standard, 9.2.6) from text cut anywhere. */
export class EventParser {
  #rest = "";
  #afterReturn = false;
  #type = "";
  #data = [];

  /** The `id` seen last, and the `retry` time in milliseconds if the server named one. */
  lastId = "";
  retry = null;

  /** The events completed by this piece of text: [{type, data, id}]. */
  push(text) {
    if (text === "") return [];
    if (this.#afterReturn && text[0] === "\n") text = text.slice(1);
    this.#afterReturn = text === "" ? false : text.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    return lines.map((line) => this.#line(line)).filter(Boolean);
  }

  #line(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const name = colon < 0 ? line : line.slice(0, colon);
    this.#field(name, colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, ""));
    return null;
  }

  #field(name, value) {
    if (name === "event") this.#type = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.lastId = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
  }

  #dispatch() {
    const event = { type: this.#type || "message", data: this.#data.join("\n"), id: this.lastId };
    const empty = this.#data.length === 0;
    this.#type = "";
    this.#data = [];
    return empty ? null : event;
  }
}

/** Follows a conversation from `start` until `stop`, over every break of the connection. */
export class Feed {
  #api;
  #hooks;
  #run = null;
  #attempt = null;
  #wake = () => {};
  #after = 0;
  #failures = 0;
  #retry = RETRY_MS;
  #heard = 0;
  #hurry = false;

  /**
   * @param {import("./api.js").Api} api
   * @param {{onEvent: (type: string, data: object) => void, onState: (live: boolean) => void,
   *          onExpired: () => void}} hooks
   */
  constructor(api, hooks) {
    this.#api = api;
    this.#hooks = hooks;
  }

  /** Follow the entries after this sequence number. */
  start(after) {
    this.stop();
    this.#after = after;
    this.#failures = 0;
    this.#run = {};
    this.#follow(this.#run);
  }

  /** Follow no longer. */
  stop() {
    this.#run = null;
    this.drop();
    this.#wake();
  }

  /** Give up the present connection; the next one is tried after a pause. */
  drop() {
    this.#attempt?.abort();
  }

  /** Do not wait any longer, and do not trust a connection that was silent for long. */
  wake() {
    this.#hurry = Date.now() - this.#heard > STALE_MS;
    if (this.#hurry) this.drop();
    this.#failures = 0;
    this.#wake();
  }

  async #follow(run) {
    while (this.#run === run) {
      const began = Date.now();
      const error = await this.#stream().catch((reason) => reason);
      if (this.#run !== run) return;
      if (error?.status === 401) return this.#hooks.onExpired();
      if (error?.status === 503) await this.#poll(run);
      else await this.#rest(Date.now() - began > SETTLED_MS);
    }
  }

  async #stream() {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#heard = Date.now();
    const watch = setInterval(() => Date.now() - this.#heard > SILENT_MS && attempt.abort(), POLL_MS);
    try {
      const response = await this.#api.stream(this.#after, attempt.signal);
      this.#hooks.onState(true);
      await this.#read(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } finally {
      clearInterval(watch);
    }
  }

  async #read(reader) {
    const parser = new EventParser();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      this.#heard = Date.now();
      const events = parser.push(part.value).filter((event) => EVENTS.includes(event.type));
      for (const event of events) this.#tell(event.type, JSON.parse(event.data));
      if (parser.retry !== null) this.#retry = Math.max(RETRY_MS, parser.retry);
    }
  }

  #tell(type, data) {
    if (type === "entry") this.#after = Math.max(this.#after, data.seq);
    this.#hooks.onEvent(type, data);
  }

  /** Wait before the next attempt: longer each time, unless the last connection had held for a while. */
  async #rest(held) {
    this.#failures = held ? 1 : this.#failures + 1;
    this.#hooks.onEvent("typing", { on: false });
    if (this.#failures > 1) this.#hooks.onState(false);
    if (this.#hurry) return void (this.#hurry = false);
    const delay = this.#retry * 2 ** (this.#failures - 1) * (1 + Math.random());
    await this.#pause(navigator.onLine ? Math.min(delay, LONGEST_RETRY_MS) : LONGEST_RETRY_MS);
  }

  async #poll(run) {
    const end = Date.now() + POLL_FOR_MS;
    while (this.#run === run && Date.now() < end) {
      const news = await this.#api.entries(this.#after).catch((reason) => reason);
      if (this.#run !== run) return;
      if (news.status === 401) return this.#hooks.onExpired();
      this.#hooks.onState(!(news instanceof Error));
      for (const entry of news.entries ?? []) this.#tell("entry", entry);
      this.#hooks.onEvent("typing", { on: news.typing ?? false });
      await this.#pause(POLL_MS);
    }
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
