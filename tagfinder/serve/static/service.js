/** Asks a TagFinder service for hashtags while somebody types; the last question wins. */

/** Milliseconds without a key before a question is sent, and the longest that typing delays one. */
const PAUSE = 150;
const LONGEST_DELAY = 500;
/** Seconds until a question is sent again where the service does not say. */
const RETRY_SECONDS = 3;
const RETRIED = [429, 502, 503, 504];

/** An answer that is no success. `retrySeconds` is set where the same question may succeed later. */
export class ServiceError extends Error {
  constructor(message, { status = 0, retrySeconds = null } = {}) {
    super(message);
    this.status = status;
    this.retrySeconds = retrySeconds;
  }
}

/**
 * Call the service and return its JSON.
 *
 * @param {URL} address what is asked
 * @param {object} options of `fetch`; `key` is the API key, `body` an object
 * @throws {ServiceError} the service is away, busy or refuses; `AbortError` where it was given up
 */
export async function call(address, { key, body, signal } = {}) {
  const headers = {};
  if (key) headers["X-API-Key"] = key;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(address, {
      method: body ? "POST" : "GET",
      headers,
      body: body && JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError("The service does not answer.", { retrySeconds: RETRY_SECONDS });
  }
  if (response.ok) return response.json();
  throw await refusal(response);
}

async function refusal(response) {
  const { status } = response;
  if (status === 401) return new ServiceError("The API key is missing or wrong.", { status });
  if (RETRIED.includes(status)) {
    const retrySeconds = Number(response.headers.get("Retry-After")) || RETRY_SECONDS;
    return new ServiceError("The service is busy.", { status, retrySeconds });
  }
  const problem = await response.json().catch(() => ({}));
  const detail = problem.detail ?? `${status} ${response.statusText}`;
  return new ServiceError(`The service refused this: ${detail}`, { status });
}

/**
 * Return a function that takes questions as fast as they come and asks only the newest.
 *
 * A question is sent after a pause, or after the longest delay where no pause comes. Sending one
 * aborts the one before, so that an older answer never replaces a newer one.
 *
 * @param {(question: object, signal: AbortSignal) => Promise} ask sends one question
 * @param {(question: object, answer: object) => void} onAnswer is called with the newest answer
 * @param {(question: object, error: Error) => void} onError is called where the newest one failed
 * @returns {{put: Function, retry: Function, drop: Function}} `put(question, delay)` asks soon,
 *   `retry(question, seconds)` later unless a newer question comes, `drop()` gives up what is asked
 */
export function newestOnly(ask, onAnswer, onError) {
  let timer = null;
  let waitingSince = null;
  let running = null;

  function drop() {
    clearTimeout(timer);
    waitingSince = null;
    running?.abort();
    running = null;
  }

  async function send(question) {
    drop();
    const own = new AbortController();
    running = own;
    try {
      const answer = await ask(question, own.signal);
      if (running === own) onAnswer(question, answer);
    } catch (error) {
      if (running === own) onError(question, error);
    }
  }

  function put(question, delay = PAUSE) {
    clearTimeout(timer);
    const now = performance.now();
    waitingSince ??= now;
    const left = Math.min(delay, waitingSince + LONGEST_DELAY - now);
    timer = setTimeout(send, Math.max(0, left), question);
  }

  function retry(question, seconds) {
    clearTimeout(timer);
    timer = setTimeout(send, 1000 * seconds, question);
  }

  return { put, retry, drop };
}
