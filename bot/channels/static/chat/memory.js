/** What this browser remembers; where it forbids storage (to embedded pages it may), while the page is open. */

const PREFIX = "sprachportal.";
const fallback = new Map();

/** The remembered value or null. */
export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return fallback.get(key) ?? null;
  }
}

/** Remember a text. */
export function remember(key, value) {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    fallback.set(key, value);
  }
}
