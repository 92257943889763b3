/**
 * The chat on a company's own pages:
 *   <script src="https://portal.example/chat/widget.js" data-language="de" async></script>
 * puts a button at the bottom right that opens the portal's chat page. Loading it twice does no harm.
 */
(() => {
  const NAME = "sprachportal-chat";
  const OPEN_KEY = "sprachportal.open";
  const script = document.currentScript;
  const origin = new URL(script.src).origin;
  const wanted = script.dataset.language || document.documentElement.lang;
  const language = wanted.startsWith("en") ? "en" : "de";
  const words = {
    de: { chat: "Kundenservice-Chat", news: "Kundenservice-Chat, neue Nachricht" },
    en: { chat: "Customer service chat", news: "Customer service chat, new message" },
  }[language];

  const STYLE = `
    :host { all: initial; }
    * { box-sizing: border-box; }
    .launcher {
      position: fixed; z-index: 2147483000; width: 60px; height: 60px; padding: 0;
      right: calc(20px + env(safe-area-inset-right, 0px));
      bottom: calc(20px + env(safe-area-inset-bottom, 0px));
      display: grid; place-items: center; border: 2px solid #fff; border-radius: 50%; cursor: pointer;
      background: #14524b; color: #fff; box-shadow: 0 6px 20px rgb(0 0 0 / .28); transition: transform .15s;
    }
    .launcher:hover { background: #0f3f3a; transform: translateY(-2px); }
    .launcher:focus-visible { outline: 3px solid #14524b; outline-offset: 3px; }
    .launcher svg { width: 28px; height: 28px; fill: none; stroke: currentColor; stroke-width: 2;
      stroke-linecap: round; stroke-linejoin: round; }
    .launcher .cross, .launcher[aria-expanded="true"] .bubble { display: none; }
    .launcher[aria-expanded="true"] .cross { display: block; }
    .launcher.news::after { content: ""; position: absolute; top: 0; right: 0; width: 16px; height: 16px;
      border: 2px solid #fff; border-radius: 50%; background: #c2410c; }
    dialog {
      position: fixed; z-index: 2147483000; inset: auto 20px 96px auto; margin: 0; padding: 0;
      width: min(400px, calc(100vw - 40px)); height: min(680px, calc(100vh - 120px));
      max-width: none; max-height: none; overflow: hidden; border: 1px solid #8a9691; border-radius: 18px;
      background: #f4f6f3; box-shadow: 0 18px 50px rgb(0 0 0 / .3);
    }
    dialog[open] { animation: rise .18s ease-out; }
    iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: normal; }
    @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
    @media (max-width: 600px), (max-height: 480px) {
      dialog { inset: var(--top, 0px) 0 auto 0; width: 100%; height: var(--height, 100dvh); border: 0;
        border-radius: 0; }
    }
    @media (prefers-reduced-motion: reduce) { .launcher, dialog[open] { transition: none; animation: none; } }
    @media print { .launcher, dialog { display: none; } }
  `;
  const BUBBLE =
    "M5 4h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM8 9h8M8 12.5h5";
  const CROSS = "M6 6l12 12M18 6L6 18";

  function element(tag, attributes, ...children) {
    const svg = tag === "svg" || tag === "path";
    const made = document.createElementNS(`http://www.w3.org/${svg ? "2000/svg" : "1999/xhtml"}`, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  const icon = (name, path) =>
    element("svg", { class: name, viewBox: "0 0 24 24", "aria-hidden": "true" }, element("path", { d: path }));

  /** The button and the frame. The frame is loaded when it is opened for the first time. */
  class ChatWidget extends HTMLElement {
    #small = matchMedia("(max-width: 600px), (max-height: 480px)");
    #button = element("button",
      { type: "button", class: "launcher", "aria-expanded": "false", "aria-controls": "chat" },
      icon("bubble", BUBBLE), icon("cross", CROSS));
    #dialog = element("dialog", { id: "chat", "aria-label": words.chat });
    #frame = null;

    connectedCallback() {
      if (this.shadowRoot) return;
      const root = this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
      root.append(this.#button, this.#dialog);
      this.lang = language;
      this.#news(false);
      this.#wire();
      if (recall() === "true") this.#open({ focus: false });
    }

    #wire() {
      this.#button.addEventListener("click", () => this.#toggle());
      this.#dialog.addEventListener("close", () => this.#closed());
      this.shadowRoot.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && this.#dialog.open) this.#close();
      });
      this.#small.addEventListener("change", () => this.#dialog.open && this.#show());
      visualViewport.addEventListener("resize", () => this.#fit());
      visualViewport.addEventListener("scroll", () => this.#fit());
      addEventListener("message", (event) => this.#message(event));
    }

    #toggle() {
      if (this.#dialog.open) this.#close();
      else this.#open({ focus: true });
    }

    #message(event) {
      if (event.origin !== origin || event.source !== this.#frame?.contentWindow) return;
      if (event.data === "sprachportal:close") this.#close();
      if (event.data === "sprachportal:entry" && !this.#dialog.open) this.#news(true);
    }

    #open({ focus }) {
      const isNew = this.#frame === null;
      if (isNew) this.#load();
      this.#show();
      this.#button.setAttribute("aria-expanded", "true");
      this.#news(false);
      remember("true");
      if (!focus) return;
      this.#frame.focus();
      if (isNew) this.#frame.addEventListener("load", () => this.#enter(), { once: true });
      else this.#enter();
    }

    #load() {
      this.#frame = document.createElement("iframe");
      this.#frame.title = words.chat;
      this.#frame.src = `${origin}/chat?embed=1&language=${language}`;
      this.#dialog.append(this.#frame);
    }

    /** Beside the page where there is room; over it, as a modal dialog, on a phone. */
    #show() {
      this.#dialog.close();
      if (this.#small.matches) this.#dialog.showModal();
      else this.#dialog.setAttribute("open", "");
      this.#fit();
    }

    #enter() {
      this.#frame.focus();
      this.#frame.contentWindow.postMessage("sprachportal:open", origin);
    }

    #close() {
      this.#dialog.close();
    }

    #closed() {
      if (this.#dialog.open) return;
      this.#button.setAttribute("aria-expanded", "false");
      remember("false");
      this.#button.focus();
    }

    #news(on) {
      this.#button.classList.toggle("news", on);
      this.#button.setAttribute("aria-label", on ? words.news : words.chat);
    }

    /** Keep a full-screen chat above the on-screen keyboard. */
    #fit() {
      if (visualViewport.scale > 1.01) return;
      this.#dialog.style.setProperty("--top", `${visualViewport.offsetTop}px`);
      this.#dialog.style.setProperty("--height", `${visualViewport.height}px`);
    }
  }

  function recall() {
    try {
      return sessionStorage.getItem(OPEN_KEY);
    } catch {
      return null;
    }
  }

  function remember(open) {
    try {
      sessionStorage.setItem(OPEN_KEY, open);
    } catch {
      // Without storage the widget starts closed on every page.
    }
  }

  if (customElements.get(NAME)) return;
  customElements.define(NAME, ChatWidget);
  const start = () => document.body.append(document.createElement(NAME));
  if (document.body) start();
  else addEventListener("DOMContentLoaded", start);
})();
