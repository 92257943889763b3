/** The portal's phone API: one call at a time, which the portal plays as the telephone network would. */

const BASE = "/phone/api/";
const TIMEOUT_MS = 20_000;

/** An answer that is not a success; `status` is 0 when there is no connection. */
export class LineError extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

async function ask(path, body) {
  const post = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(BASE + path, { ...post, signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store" });
  } catch {
    throw new LineError(0);
  }
  if (!response.ok) throw new LineError(response.status);
  return response.json();
}

/** Who is called: {company, number}. */
export const line = () => ask("line");

/** Begin a call. Like the others it gives {id, ended, due, heard, listening}. */
export const begin = (caller) => ask("calls", { caller });

/** Speak, press keys, stay silent or hang up: {kind, text, confidence}. */
export const input = (id, what) => ask(`calls/${id}/input`, what);

/** Fetch the next part of what is heard. */
export const next = (id) => ask(`calls/${id}/next`, {});
