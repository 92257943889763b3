/** Sound, where the browser has it: words read aloud, key tones, and the microphone's words. */

const LOW_HZ = [697, 770, 852, 941];
const HIGH_HZ = [1209, 1336, 1477];
const KEYS = "123456789*0#";
const TONE_S = 0.12;
const LOUDNESS = 0.08;
const MS_PER_SIGN = 120;
const PATIENCE_MS = 3_000;

/** Whether the browser has a voice to read with. */
export const canSpeak = () => (globalThis.speechSynthesis?.getVoices().length ?? 0) > 0;

/** Tell when voices have come; some browsers load them late. */
export const onVoices = (tell) => globalThis.speechSynthesis?.addEventListener("voiceschanged", tell);

/** Read aloud; done when read, when silenced, or when the browser forgot to say so. */
export function speak(text, language) {
  return new Promise((done) => {
    const words = Object.assign(new SpeechSynthesisUtterance(text), { lang: language, onend: done, onerror: done });
    speechSynthesis.speak(words);
    setTimeout(done, PATIENCE_MS + text.length * MS_PER_SIGN);
  });
}

/** Stop reading at once. */
export const hush = () => globalThis.speechSynthesis?.cancel();

let audio;

/** The two tones of a telephone key. */
export function tone(key) {
  const place = KEYS.indexOf(key);
  if (!globalThis.AudioContext || place < 0) return;
  audio ??= new AudioContext();
  const volume = new GainNode(audio, { gain: LOUDNESS });
  volume.connect(audio.destination);
  for (const frequency of [LOW_HZ[Math.floor(place / 3)], HIGH_HZ[place % 3]]) {
    const wave = new OscillatorNode(audio, { frequency });
    wave.connect(volume);
    wave.start();
    wave.stop(audio.currentTime + TONE_S);
  }
}

const Recognition = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;

/** Whether the browser can write down what is said. */
export const canListen = Boolean(Recognition);

/** Listen once: {text, confidence}, or null when nothing was understood. `stop` on the returned object ends it. */
export function listen(language) {
  const recognition = Object.assign(new Recognition(), { lang: language, interimResults: false });
  const heard = new Promise((done) => {
    recognition.onresult = ({ results }) => {
      const { transcript, confidence } = results[0][0];
      done({ text: transcript, confidence });
    };
    recognition.onend = () => done(null);
    recognition.onerror = () => done(null);
  });
  recognition.start();
  return { heard, stop: () => recognition.stop() };
}
