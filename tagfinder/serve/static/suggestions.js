/**
 * `<tagfinder-suggestions for="ID">`: hashtags for what is typed into a text field.
 *
 * Properties: `field` (a textarea; `for` names it by id), `model`, `author`, `key` (API key),
 * `count` (most hashtags). Events: `tagfinder-answer` (detail: the service's answer),
 * `tagfinder-error` (detail: a ServiceError), `tagfinder-settings` (detail: what the service offers).
 */
import { ServiceError, call, newestOnly } from "./service.js";
import { percent, placed, spoken } from "./spelling.js";

const FILES = new URL(".", import.meta.url);
const SERVER = new URL("..", FILES);
const COUNT = 5;
/** Hashtags that would be shown with 0 % are no help. */
const LEAST_PROBABILITY = 0.005;
/** Most older posts that are shown for a hashtag. */
const POSTS_SHOWN = 2;
/** Milliseconds of rest after which a new list is announced, so that typing is not interrupted. */
const ANNOUNCE_AFTER = 1000;
const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };
const HINT = "Hashtags appear here while you type.";

function made(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export class Suggestions extends HTMLElement {
  #field = null;
  #options = { model: null, author: null, key: null, count: COUNT };
  #settings = null;
  #hashtags = [];
  #current = 0;
  #announcing = null;
  #listening = null;
  #questions = newestOnly(
    (question, signal) => this.#ask(question, signal),
    (question, answer) => this.#show(answer),
    (question, error) => this.#fail(question, error),
  );

  constructor() {
    super();
    this.bar = made("div", { className: "bar", role: "toolbar", ariaLabel: "Suggested hashtags" });
    this.bar.addEventListener("keydown", (event) => this.#move(event));
    this.note = made("p", { className: "note", textContent: HINT });
    this.announced = made("p", { className: "announced", role: "status" });
    this.why = made("button", { type: "button", className: "why", textContent: "Why these?" });
    this.why.hidden = true;
    this.why.ariaExpanded = "false";
    this.why.addEventListener("click", () => this.#toggleWhy());
    this.reasons = made("ul", { className: "reasons", hidden: true });
    const style = made("link", { rel: "stylesheet", href: new URL("suggestions.css", FILES).href });
    const root = this.attachShadow({ mode: "open" });
    root.append(style, this.bar, this.note, this.why, this.reasons, this.announced);
  }

  connectedCallback() {
    if (this.hasAttribute("for")) this.field = document.getElementById(this.getAttribute("for"));
    this.#learnSettings();
  }

  disconnectedCallback() {
    this.field = null;
    clearTimeout(this.#announcing);
  }

  get field() {
    return this.#field;
  }

  set field(field) {
    this.#listening?.abort();
    this.#questions.drop();
    this.#field = field;
    if (!field) return;
    this.#listening = new AbortController();
    field.addEventListener("input", () => this.refresh(), { signal: this.#listening.signal });
    this.refresh();
  }

  /** Change `model`, `author`, `key` or `count`. */
  set(options) {
    Object.assign(this.#options, options);
    if ("key" in options && !this.#settings) this.#learnSettings();
    this.refresh();
  }

  /** Ask for what stands in the field now. */
  refresh(delay) {
    const text = this.#field?.value ?? "";
    if (!text.trim()) {
      this.#questions.drop();
      this.#show({ hashtags: [], note: null });
      return;
    }
    this.bar.ariaBusy = "true";
    this.#questions.put({ text }, delay);
  }

  async #learnSettings() {
    try {
      this.#settings = await call(new URL("composer/settings", SERVER));
      this.#tell("settings", this.#settings);
    } catch (error) {
      this.#fail({}, error);
    }
  }

  async #ask({ text }, signal) {
    const { model, author, key, count } = this.#options;
    const body = { text, k: count, threshold: LEAST_PROBABILITY };
    if (model) body.model = model;
    if (author) body.author = author;
    if (!this.reasons.hidden) body.explain = true;
    const answer = await call(new URL("suggest", SERVER), { key, body, signal });
    return answer.suggestions[0];
  }

  #show({ hashtags, note }) {
    const before = this.#hashtags.map((one) => one.hashtag).join();
    const focused = this.#hashtags[this.#chips().indexOf(this.shadowRoot.activeElement)];
    this.#hashtags = hashtags;
    this.bar.ariaBusy = "false";
    this.bar.dir = this.#field ? getComputedStyle(this.#field).direction : "ltr";
    this.bar.replaceChildren(...hashtags.map((one) => this.#chip(one)));
    this.#keepFocus(focused);
    this.note.classList.remove("error");
    const empty = this.#field?.value.trim() ? "No hashtag fits this post." : HINT;
    this.note.textContent = hashtags.length ? "" : note ? `No hashtag: ${note}.` : empty;
    this.why.hidden = !hashtags.length;
    this.#showReasons();
    const names = hashtags.map((one) => spoken(one.hashtag));
    if (names.length && before !== hashtags.map((one) => one.hashtag).join()) {
      const many = names.length === 1 ? "1 hashtag" : `${names.length} hashtags`;
      this.#announce(`${many} suggested: ${names.join(", ")}`, ANNOUNCE_AFTER);
    }
    this.#tell("answer", { hashtags, note });
  }

  #chip(one) {
    const chance = made("span", { className: "chance", textContent: percent(one.probability) });
    const name = made("bdi", { textContent: `#${one.hashtag}` });
    const chip = made("button", { type: "button", className: "chip", tabIndex: -1 }, name, chance);
    chip.ariaLabel = `Add hashtag ${spoken(one.hashtag)}, ${percent(one.probability)}`;
    chip.addEventListener("click", (event) => {
      this.#take(one.hashtag);
      // After a click by pointer typing continues; by keyboard the next chip may be wanted.
      if (event.detail > 0) this.#field.focus();
    });
    return chip;
  }

  #showReasons() {
    if (this.reasons.hidden) return;
    const named = this.#hashtags.filter((one) => one.because);
    this.reasons.replaceChildren(
      ...named.map(({ hashtag, because }) => {
        const name = made("bdi", { textContent: `#${hashtag}` });
        return made("li", {}, name, ...reasonsOf(because));
      }),
    );
  }

  #toggleWhy() {
    this.reasons.hidden = !this.reasons.hidden;
    this.why.ariaExpanded = String(!this.reasons.hidden);
    if (!this.reasons.hidden) this.refresh(0);
  }

  #fail(question, error) {
    if (!(error instanceof ServiceError)) throw error;
    this.bar.ariaBusy = "false";
    const { retrySeconds } = error;
    const later = retrySeconds ? ` Trying again in ${retrySeconds} s; your text stays here.` : "";
    this.note.textContent = error.message + later;
    this.note.classList.add("error");
    this.#announce(this.note.textContent);
    this.#tell("error", error);
    if (!retrySeconds || !this.isConnected) return;
    if (question.text) this.#questions.retry(question, retrySeconds);
    else setTimeout(() => this.#learnSettings(), 1000 * retrySeconds);
  }

  #take(hashtag) {
    const { start, end, insert } = placed(hashtag, this.#field.value, this.#field.selectionEnd);
    this.#field.setRangeText(insert, start, end, "end");
    this.#announce(`${spoken(hashtag)} added`);
    this.#field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText" }));
    this.refresh(0);
  }

  #chips() {
    return [...this.bar.children];
  }

  /** One chip is in the order of Tab; the arrow keys go to the others. */
  #makeCurrent(place) {
    const chips = this.#chips();
    this.#current = Math.max(0, Math.min(place, chips.length - 1));
    chips.forEach((chip, i) => (chip.tabIndex = i === this.#current ? 0 : -1));
    return chips[this.#current];
  }

  #keepFocus(focused) {
    const same = this.#hashtags.findIndex((one) => one.hashtag === focused?.hashtag);
    const chip = this.#makeCurrent(focused ? (same < 0 ? this.#current : same) : 0);
    if (!focused) return;
    if (chip) chip.focus();
    else this.#field?.focus();
  }

  #move(event) {
    const step = STEPS[event.key];
    const places = { Home: 0, End: this.#hashtags.length - 1 };
    if (step) {
      const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
      const sign = sideways && this.bar.dir === "rtl" ? -1 : 1;
      this.#makeCurrent(this.#current + sign * step)?.focus();
    } else if (event.key in places) {
      this.#makeCurrent(places[event.key])?.focus();
    } else if (event.key === "Escape") {
      this.#field.focus();
    } else {
      return;
    }
    event.preventDefault();
  }

  #announce(text, delay = 0) {
    clearTimeout(this.#announcing);
    this.#announcing = setTimeout(() => (this.announced.textContent = text), delay);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`tagfinder-${name}`, { detail }));
  }
}

/** Return what supports a hashtag: the words of the post, or other posts with the hashtag. */
function reasonsOf(because) {
  if (!because.length) return [": nothing that stands out by itself"];
  const words = because.filter((one) => "word" in one).map((one) => one.word);
  if (words.length) return [": ", made("bdi", { textContent: words.join(", ") })];
  const posts = because.slice(0, POSTS_SHOWN).map(({ text, day, author }) => {
    const source = author ? `${day} · ${author}` : day;
    const of = made("span", { className: "chance", textContent: source });
    return made("li", {}, made("bdi", { textContent: text }), " ", of);
  });
  return [made("ul", {}, ...posts)];
}

customElements.define("tagfinder-suggestions", Suggestions);
