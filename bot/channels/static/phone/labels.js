/** The page's own words in German and English. What is heard comes from the portal, never from here. */

const LABELS = {
  de: {
    title: "Probetelefon",
    subtitle: "Ein Anruf ohne Telefonnetz, nur zur Vorführung",
    idle: "Bereit",
    ringing: "Es wird gewählt …",
    listening: "Hört Ihnen zu",
    speaking: "Am Apparat",
    ended: "Aufgelegt",
    caller: "Anrufen als",
    stranger: "Unbekannte Nummer",
    withheld: "Unterdrückte Nummer",
    call: "Anrufen",
    hangup: "Auflegen",
    keypad: "Tasten",
    keyStar: "wiederholen",
    keyZero: "Mensch",
    keyHash: "fertig",
    keysPressed: "Gedrückt:",
    keysHint: "# sendet sofort, sonst nach einer Pause",
    loud: "Vorlesen und Tastentöne",
    talk: "Gespräch",
    welcome: "Rufen Sie an und sprechen Sie, indem Sie schreiben. Zum Beispiel:",
    examples: [
      ["Wo ist meine Bestellung 10482917?", "22765"],
      ["Ich möchte 10483055 stornieren", "null vier eins null sieben"],
      ["Wann hat der Laden in Leipzig auf?"],
      ["Ich möchte mit einem Menschen sprechen"],
      ["English please"],
    ],
    say: "Was ich sage",
    mic: "Ins Mikrofon sprechen",
    send: "Sagen",
    silence: "Schweigen",
    me: "Ich",
    keyed: (keys) => `Tasten ${keys}`,
    silent: "(schweigt)",
    pause: (seconds) => `Pause, ${seconds} s`,
    play: "Ein Ton wird abgespielt",
    dial: (number) => `Verbindung zu ${number}; im Probetelefon nimmt niemand ab`,
    hangupLine: "Das Gespräch ist beendet",
    problem: (what) => `Der Anruf ist abgebrochen. ${what}`,
    notListening: "Im Moment hört niemand zu.",
    notKeys: "Hier werden keine Tasten angenommen.",
    noCall: "Rufen Sie zuerst an.",
    gone: "Diesen Anruf gibt es nicht mehr.",
    unreachable: "Das Portal antwortet nicht.",
    noMic: "Das Mikrofon hat nichts verstanden.",
  },
  en: {
    title: "Demo phone",
    subtitle: "A call without a telephone network, for demonstrations only",
    idle: "Ready",
    ringing: "Dialling …",
    listening: "Listening to you",
    speaking: "Connected",
    ended: "Hung up",
    caller: "Call as",
    stranger: "Unknown number",
    withheld: "Withheld number",
    call: "Call",
    hangup: "Hang up",
    keypad: "Keys",
    keyStar: "repeat",
    keyZero: "human",
    keyHash: "done",
    keysPressed: "Pressed:",
    keysHint: "# sends at once, else after a pause",
    loud: "Read aloud and key tones",
    talk: "Call",
    welcome: "Place a call and speak by writing. For example:",
    examples: [
      ["English please"],
      ["Where is my order 10485035?", "one zero nine nine nine"],
      ["I want to cancel 10484665", "10999"],
      ["When is the store in Leipzig open?"],
      ["I want to talk to a human"],
    ],
    say: "What I say",
    mic: "Speak into the microphone",
    send: "Say",
    silence: "Stay silent",
    me: "Me",
    keyed: (keys) => `Keys ${keys}`,
    silent: "(stays silent)",
    pause: (seconds) => `Pause, ${seconds} s`,
    play: "A sound is played",
    dial: (number) => `Connecting to ${number}; nobody answers on the demo phone`,
    hangupLine: "The call has ended",
    problem: (what) => `The call broke off. ${what}`,
    notListening: "Nobody is listening at the moment.",
    notKeys: "No keys are taken here.",
    noCall: "Place a call first.",
    gone: "This call does not exist any more.",
    unreachable: "The portal does not answer.",
    noMic: "The microphone understood nothing.",
  },
};

/** The words in the page's current language, and the elements that carry them. */
export class Words {
  language = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in LABELS) ?? "de";

  /** The words for a key; a function if they take a value. */
  get(key) {
    return LABELS[this.language][key];
  }

  /** Put the words into every element that names a key. */
  apply() {
    document.documentElement.lang = this.language;
    document.title = this.get("title");
    for (const each of document.querySelectorAll("[data-label]")) each.textContent = this.get(each.dataset.label);
    for (const each of document.querySelectorAll("[data-aria-label]")) {
      each.setAttribute("aria-label", this.get(each.dataset.ariaLabel));
    }
  }
}
