/** The interface's words in German and English. What the bot says comes from the portal, never from here. */

const LABELS = {
  de: {
    service: "Kundenservice",
    role: "Digitaler Assistent",
    menu: "Menü",
    save: "Verlauf speichern",
    print: "Verlauf drucken",
    restart: "Neues Gespräch",
    close: "Chat schließen",
    log: "Gesprächsverlauf",
    welcome: "Schreiben Sie einfach, worum es geht.",
    latest: "Neue Nachrichten",
    message: "Ihre Nachricht",
    placeholder: "Nachricht schreiben …",
    send: "Senden",
    hint: "Enter sendet, Umschalt + Enter beginnt eine neue Zeile",
    customer: "Sie",
    bot: "Assistent",
    agent: "Service-Team",
    typing: "Antwort wird geschrieben",
    choices: "Antwortmöglichkeiten",
    image: "Bild zur Nachricht",
    showImage: "Bild ansehen",
    showMap: "Auf der Karte zeigen",
    newTab: " (öffnet einen neuen Tab)",
    sending: "Wird gesendet …",
    failed: "Nicht gesendet",
    retry: "Erneut versuchen",
    offline: "Keine Verbindung. Es geht weiter, sobald Sie wieder online sind.",
    lost: "Die Verbindung ist unterbrochen. Wir versuchen es weiter.",
    expired: "Ihr Gespräch war abgelaufen. Wir haben ein neues begonnen.",
    unreachable: "Das hat nicht geklappt. Bitte versuchen Sie es gleich noch einmal.",
    confirmTitle: "Neues Gespräch beginnen?",
    confirmText: "Der bisherige Verlauf verschwindet aus diesem Fenster.",
    confirmNo: "Abbrechen",
    confirmYes: "Neu beginnen",
    left: (count) => (count === 1 ? "Noch 1 Zeichen" : `Noch ${count} Zeichen`),
    over: (count) => `${count} Zeichen zu lang`,
  },
  en: {
    service: "Customer service",
    role: "Digital assistant",
    menu: "Menu",
    save: "Save transcript",
    print: "Print transcript",
    restart: "New conversation",
    close: "Close chat",
    log: "Conversation",
    welcome: "Just write what it is about.",
    latest: "New messages",
    message: "Your message",
    placeholder: "Write a message …",
    send: "Send",
    hint: "Enter sends, Shift + Enter starts a new line",
    customer: "You",
    bot: "Assistant",
    agent: "Service team",
    typing: "An answer is being written",
    choices: "Suggested answers",
    image: "Image for this message",
    showImage: "View image",
    showMap: "Show on the map",
    newTab: " (opens a new tab)",
    sending: "Sending …",
    failed: "Not sent",
    retry: "Try again",
    offline: "No connection. We continue as soon as you are back online.",
    lost: "The connection is interrupted. We keep trying.",
    expired: "Your conversation had expired. We have started a new one.",
    unreachable: "That did not work. Please try again in a moment.",
    confirmTitle: "Start a new conversation?",
    confirmText: "The conversation so far disappears from this window.",
    confirmNo: "Cancel",
    confirmYes: "Start over",
    left: (count) => (count === 1 ? "1 character left" : `${count} characters left`),
    over: (count) => `${count} characters too long`,
  },
};

/** Whether the interface speaks this language. */
export const isLanguage = (language) => Object.hasOwn(LABELS, language ?? "");

/** The interface's words in its current language, and the page's elements that carry them. */
export class Words {
  /** @param {"de"|"en"} language */
  constructor(language) {
    this.language = language;
  }

  /** The words for a key; a function if they take a number. */
  get(key) {
    return LABELS[this.language][key];
  }

  /** Clock time of an ISO time, with the date unless it is today. */
  time(iso) {
    const at = new Date(iso);
    const today = at.toDateString() === new Date().toDateString();
    const day = today ? {} : { day: "2-digit", month: "2-digit" };
    return at.toLocaleString(this.language === "en" ? "en-GB" : "de-DE",
      { ...day, hour: "2-digit", minute: "2-digit" });
  }

  /** Put the words into every element below `root` that names a key (data-label, data-aria-label, ...). */
  apply(root) {
    for (const each of root.querySelectorAll("[data-label]")) each.textContent = this.get(each.dataset.label);
    for (const each of root.querySelectorAll("[data-aria-label]")) {
      each.setAttribute("aria-label", this.get(each.dataset.ariaLabel));
    }
    for (const each of root.querySelectorAll("[data-placeholder]")) {
      each.placeholder = this.get(each.dataset.placeholder);
    }
    for (const each of root.querySelectorAll("img[data-alt]")) each.alt = this.get(each.dataset.alt);
    for (const each of root.querySelectorAll("time")) each.textContent = this.time(each.dateTime);
  }
}
