/** The sandbox's own API. */

const BASE = "/sandbox/";

async function ask(path, body, milliseconds = 20_000) {
  const post = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(BASE + path, { ...post, signal: AbortSignal.timeout(milliseconds), cache: "no-store" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

/** Everything, as soon as it is newer than `version`: {version, customers, violations, faults}. */
export const state = (version) => ask(`state?version=${version}`, undefined, 40_000);

/** A customer to play: {channel, address}. */
export const open = (customer) => ask("customers", customer);

/** Let a customer do something: {channel, address, kind, text, message, option}. */
export const act = (deed) => ask("deeds", deed);

/** Set the faults. */
export const setFaults = (faults) => ask("faults", faults);
