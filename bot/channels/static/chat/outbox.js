/** Sends own turns one after the other and keeps those that did not arrive. */

/** Every turn handed in is shown at once and sent under one id until the portal has taken it. */
export class Outbox {
  #api;
  #transcript;
  #hooks;
  #line = Promise.resolve();
  #waiting = new Map();
  #failed = new Set();

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./transcript.js").Transcript} transcript
   * @param {{ready: () => Promise<void>, onRefused: (turn: object, message: string) => void,
   *          onFailed: () => void, onRetried: () => void, onExpired: () => Promise<void>}} hooks
   */
  constructor(api, transcript, hooks) {
    this.#api = api;
    this.#transcript = transcript;
    this.#hooks = hooks;
  }

  /** Show and send a turn: {id, text, language, choice?}; `text` is what is shown. */
  send(turn) {
    this.#waiting.set(turn.id, turn);
    this.#transcript.addPending(turn);
    this.#queue(turn);
  }

  /** Try those again that did not arrive. */
  retryAll() {
    for (const id of [...this.#failed]) this.#queue(this.#waiting.get(id));
  }

  /** Forget what did not arrive. */
  clear() {
    this.#waiting.clear();
    this.#failed.clear();
  }

  /** Show again in another conversation what did not arrive; choices of the old one mean nothing there. */
  reshow() {
    for (const turn of [...this.#waiting.values()]) {
      if (turn.choice) this.#drop(turn);
      else this.#transcript.addPending(turn);
      if (this.#failed.has(turn.id)) this.#keep(turn, "");
      else this.#transcript.mark(turn.id, "sending");
    }
  }

  #queue(turn) {
    this.#failed.delete(turn.id);
    this.#transcript.mark(turn.id, "sending");
    this.#line = this.#line.then(() => this.#deliver(turn));
  }

  async #deliver(turn) {
    await this.#hooks.ready();
    if (!this.#transcript.isPending(turn.id)) return this.#drop(turn);
    this.#failed.delete(turn.id);
    this.#transcript.mark(turn.id, "sending");
    const { id, text, choice } = turn;
    try {
      await this.#api.turn(choice ? { id, choice } : { id, text });
      this.#drop(turn);
      this.#transcript.mark(id, null);
    } catch (error) {
      await this.#missed(turn, error);
    }
  }

  async #missed(turn, error) {
    if (error.status === 401) return this.#expired(turn);
    if (!this.#transcript.isPending(turn.id)) return this.#drop(turn);
    if (!error.permanent) return this.#keep(turn, error.status ? error.message : "");
    this.#drop(turn);
    this.#transcript.removePending(turn.id);
    this.#hooks.onRefused(turn, error.message);
  }

  async #expired(turn) {
    await this.#hooks.onExpired();
    if (this.#waiting.has(turn.id)) this.#keep(turn, "");
  }

  #drop(turn) {
    this.#waiting.delete(turn.id);
    this.#failed.delete(turn.id);
  }

  #keep(turn, reason) {
    const retry = () => {
      this.#queue(turn);
      this.#hooks.onRetried();
    };
    this.#failed.add(turn.id);
    this.#transcript.mark(turn.id, "failed", { reason, retry });
    this.#hooks.onFailed();
  }
}
