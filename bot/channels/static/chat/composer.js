/** The field to write in: grows with the text, counts near the limit, sends with Enter. */

const LONGEST = 2000;
const COUNT_FROM = 1800;

/** The form at the foot of the page. */
export class Composer {
  #form = document.querySelector("#composer");
  #field = document.querySelector("#text");
  #counter = document.querySelector("#counter");
  #problem = document.querySelector("#problem");
  #words;
  #onText;

  /**
   * @param {import("./labels.js").Words} words
   * @param {(text: string) => void} onText
   */
  constructor(words, onText) {
    this.#words = words;
    this.#onText = onText;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#field.addEventListener("input", () => this.refresh());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Put the cursor into the field. */
  focus() {
    this.#field.focus();
  }

  /** Give back a text that was not taken, unless something new is being written. */
  restore(text) {
    if (this.#field.value.trim() === "") this.#field.value = text;
    this.refresh();
  }

  /** Say what went wrong, or nothing any more. */
  complain(message) {
    this.#problem.textContent = message;
  }

  /** Fit height and counter to the text. */
  refresh() {
    const left = LONGEST - [...this.#field.value].length;
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
    this.#field.setAttribute("aria-invalid", String(left < 0));
    this.#counter.textContent = left > LONGEST - COUNT_FROM ? "" : this.#count(left);
    this.#counter.classList.toggle("over", left < 0);
  }

  #count(left) {
    return left < 0 ? this.#words.get("over")(-left) : this.#words.get("left")(left);
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    const text = this.#field.value.trim();
    this.focus();
    if (text === "") return;
    const over = [...text].length - LONGEST;
    if (over > 0) return this.complain(this.#words.get("over")(over));
    this.#field.value = "";
    this.complain("");
    this.refresh();
    this.#onText(text);
  }
}
