/** The page on which a post is written: options, lengths, suggestions. */
import { NETWORKS } from "./counting.js";
import { call } from "./service.js";
import "./suggestions.js";

const SERVER = new URL("..", new URL(".", import.meta.url));
const KEY_IN_SESSION = "tagfinder-key";
const UNAUTHORISED = 401;
const [post, suggestions, model, author, key, lengths, tooLong, copy, copied, facts] = [
  ..."post suggestions model author key lengths too-long copy copied facts".split(" "),
].map((id) => document.getElementById(id));
let settings = { models: [] };

function showLengths() {
  const found = NETWORKS.map(({ name, limit, length }) => ({ name, limit, n: length(post.value) }));
  lengths.replaceChildren(
    ...found.map(({ name, limit, n }) => {
      const item = document.createElement("li");
      item.textContent = `${name} ${n} / ${limit}`;
      item.classList.toggle("over", n > limit);
      return item;
    }),
  );
  const over = found.filter(({ n, limit }) => n > limit).map(({ name }) => name);
  const sentence = over.length ? `Too long for ${over.join(" and ")}.` : "";
  if (tooLong.textContent !== sentence) tooLong.textContent = sentence;
}

function optionOf(field) {
  return document.getElementById(`${field.id}-option`);
}

function ask() {
  const chosen = settings.models.find(({ name }) => name === model.value);
  optionOf(author).hidden = !chosen?.reads_author;
  suggestions.set({
    model: model.value || null,
    author: (chosen?.reads_author && author.value.trim()) || null,
    key: key.value || null,
  });
}

function takeSettings({ detail }) {
  settings = detail;
  model.replaceChildren(...settings.models.map(({ name }) => new Option(name)));
  optionOf(model).hidden = settings.models.length < 2;
  optionOf(key).hidden = !settings.needs_key;
  key.value = sessionStorage.getItem(KEY_IN_SESSION) ?? "";
  ask();
  showFacts();
}

async function showFacts() {
  if (settings.needs_key && !key.value) return;
  const models = await call(new URL("models", SERVER), { key: key.value }).catch(() => []);
  const chosen = models.find(({ name }) => name === model.value);
  if (!chosen) return;
  const { corpus, protocol } = chosen.facts;
  const from = corpus === "synthetic" ? "made-up (synthetic) posts" : `the corpus ${corpus}`;
  const learned = corpus ? `, learned from ${from} under protocol ${protocol}` : "";
  facts.textContent = `${chosen.name}: ${chosen.hashtags.toLocaleString("en")} hashtags${learned}.`;
}

post.addEventListener("input", showLengths);
suggestions.addEventListener("tagfinder-settings", takeSettings);
suggestions.addEventListener("tagfinder-error", ({ detail }) => {
  if (detail.status === UNAUTHORISED) key.ariaInvalid = "true";
});
suggestions.addEventListener("tagfinder-answer", () => (key.ariaInvalid = null));
author.addEventListener("input", ask);
model.addEventListener("change", () => {
  ask();
  showFacts();
});
key.addEventListener("input", () => {
  sessionStorage.setItem(KEY_IN_SESSION, key.value);
  ask();
});
key.addEventListener("change", showFacts);
document.getElementById("options").addEventListener("submit", (event) => event.preventDefault());
copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(post.value);
    copied.textContent = "Copied.";
  } catch {
    post.select();
    copied.textContent = "The browser does not allow it; press Ctrl+C.";
  }
});
showLengths();
