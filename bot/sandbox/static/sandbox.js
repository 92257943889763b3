/** The sandbox's page: telephones of customers, faults, and broken rules. */

import * as sandbox from "./api.js";
import { Words } from "./labels.js";
import { Telephone } from "./telephone.js";

const PAUSE_MS = 1_500;
const PEOPLE = [
  { name: "Annika Brandt", number: "+491713920011", psid: "24681357900011" },
  { name: "Murat Yıldız", number: "+491713920022", psid: "24681357900022" },
  { name: "James Whitfield", number: "+491713920044", psid: "24681357900044" },
  { label: "stranger", number: "+491713920099", psid: "24681357900099" },
  { label: "hidden", number: "DE.13491208655302741918", only: "whatsapp" },
];

const find = (selector) => document.querySelector(selector);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The page. One object for the time the page is open. */
class Page {
  #words = new Words();
  #telephones = new Map();
  #state = { version: -1, customers: [], violations: [] };
  #wanted = "";

  /** Show the page and follow what happens. */
  start() {
    find("#language").addEventListener("click", () => this.#translate(this.#words.language === "de" ? "en" : "de"));
    find("#open").addEventListener("submit", (event) => this.#open(event));
    find("#channel").addEventListener("change", () => this.#offerPeople());
    find("#faults").addEventListener("submit", (event) => this.#setFaults(event));
    this.#translate();
    this.#follow();
  }

  #translate(language = this.#words.language) {
    this.#words.language = language;
    const other = language === "de" ? { lang: "en", textContent: "English" } : { lang: "de", textContent: "Deutsch" };
    document.documentElement.lang = language;
    document.title = this.#words.get("title");
    this.#words.apply();
    Object.assign(find("#language"), other);
    this.#offerPeople();
    this.#show();
  }

  #offerPeople() {
    const channel = find("#channel").value;
    const chosen = find("#person").value;
    const offered = PEOPLE.filter(({ only }) => !only || only === channel);
    find("#person").replaceChildren(...offered.map((person) => new Option(this.#nameOf(person), person.number)));
    if (offered.some(({ number }) => number === chosen)) find("#person").value = chosen;
  }

  #nameOf({ name, label }) {
    return name ?? this.#words.get(label);
  }

  async #open(event) {
    event.preventDefault();
    const channel = find("#channel").value;
    const person = PEOPLE.find(({ number }) => number === find("#person").value);
    const address = channel.endsWith("messenger") ? person.psid : person.number;
    this.#wanted = this.#key({ channel, address });
    await sandbox.open({ channel, address }).catch(() => this.#lose());
    this.#telephones.get(this.#wanted)?.focus();
  }

  async #setFaults(event) {
    event.preventDefault();
    const share = find("#statuses").checked ? 0.5 : 0;
    const faults = { sequence: [find("#fault").value], duplicate_statuses: share, reorder_statuses: share };
    const set = await sandbox.setFaults(faults).then(() => true, () => this.#lose());
    find("#fault-set").textContent = set ? this.#words.get("faultSet") : "";
  }

  #lose() {
    find("#connection").textContent = this.#words.get("lost");
    return false;
  }

  async #follow() {
    for (;;) {
      try {
        this.#state = await sandbox.state(this.#state.version);
        find("#connection").textContent = "";
        this.#show();
      } catch {
        this.#lose();
        this.#state.version = -1;
        await wait(PAUSE_MS);
      }
    }
  }

  #show() {
    const { customers, violations } = this.#state;
    find("#welcome").hidden = customers.length > 0;
    const present = new Set(customers.map((customer) => this.#key(customer)));
    for (const [key, telephone] of this.#telephones) {
      if (!present.has(key)) {
        telephone.element.remove();
        this.#telephones.delete(key);
      }
    }
    for (const customer of customers) this.#telephone(customer).show(customer);
    find("#no-violations").hidden = violations.length > 0;
    find("#violations").replaceChildren(...violations.toReversed().map((each) => this.#violation(each)));
  }

  /** A customer's telephone, new ones first. */
  #telephone(customer) {
    const key = this.#key(customer);
    if (!this.#telephones.has(key)) {
      const telephone = new Telephone(this.#words, customer, this.#whoIs(customer));
      this.#telephones.set(key, telephone);
      find("#telephones").prepend(telephone.element);
      if (key === this.#wanted) telephone.focus();
    }
    return this.#telephones.get(key);
  }

  #key({ channel, address }) {
    return `${channel}/${address.replace(/^\+/, "")}`;
  }

  #whoIs({ address }) {
    const plain = address.replace(/^\+/, "");
    const known = PEOPLE.find(({ number, psid }) => number.replace(/^\+/, "") === plain || psid === plain);
    return known ? this.#nameOf(known) : address;
  }

  #violation({ provider, code, status, what }) {
    const item = document.createElement("li");
    const head = Object.assign(document.createElement("strong"), { textContent: `${provider} ${code} (${status})` });
    item.append(head, what);
    return item;
  }
}

new Page().start();
