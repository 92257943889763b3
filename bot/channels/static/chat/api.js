/** The portal's chat API: visits, turns, entries and the event stream, with the visitor's token. */

import { recall, remember } from "./memory.js";

const BASE = "/chat/api/";
const TIMEOUT_MS = 20_000;

/** An answer that is not a success. `message` is meant for people and may be empty. */
export class ApiError extends Error {
  constructor(status, { code = "", message = "" } = {}) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Whether sending the same again cannot help. */
  get permanent() {
    return this.status === 400 || this.status === 413;
  }
}

/** Calls to the portal. A call fails with an ApiError, or with the fetch error when there is no connection. */
export class Api {
  #token = recall("token");

  /**
   * Come back to the conversation, or begin one.
   * @returns {Promise<{conversation: string, language: string, company: string, entries: object[]}>}
   */
  async visit(language, { fresh = false } = {}) {
    const visit = await this.#json("visits", { language, ...(fresh && { new: true }) });
    this.#token = visit.token;
    remember("token", visit.token);
    return visit;
  }

  /** Hand in a turn: {id, text} or {id, choice: {entry, index}}. The same id counts once. */
  turn(turn) {
    return this.#json("turns", turn);
  }

  /** The entries after a sequence number, and whether an answer is being written. */
  entries(after) {
    return this.#json(`entries?after=${after}`);
  }

  /** The open event stream; entries after `after` come first. */
  stream(after, signal) {
    const headers = { Accept: "text/event-stream", "Last-Event-ID": String(after) };
    return this.#call("events", { headers, signal, cache: "no-store" });
  }

  async #json(path, body) {
    const post = body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await this.#call(path, { ...post, signal, cache: "no-store" });
    return response.json();
  }

  async #call(path, options) {
    const headers = { ...options.headers, ...(this.#token && { Authorization: `Bearer ${this.#token}` }) };
    const response = await fetch(BASE + path, { ...options, headers, credentials: "omit" });
    if (response.ok) return response;
    const body = await response.json().catch(() => ({}));
    throw new ApiError(response.status, body.error);
  }
}
