/*
 * Puts hashtag suggestions under text fields of any page:
 *
 *   <script src="https://tags.example.org/composer/embed.js" data-fields="textarea" async></script>
 *
 * data-fields: a CSS selector, `textarea` by default; fields that are added later are found as well.
 * data-model, data-author, data-key, data-count: as for `<tagfinder-suggestions>`.
 */
(async () => {
  const { src, dataset } = document.currentScript;
  const { fields = "textarea", model, author, key, count } = dataset;
  const given = { model, author, key, count: count && Number(count) };
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value));
  const { Suggestions } = await import(new URL("suggestions.js", src));
  const served = new WeakSet();

  function serve() {
    for (const field of document.querySelectorAll(fields)) {
      if (served.has(field)) continue;
      served.add(field);
      const suggestions = new Suggestions();
      field.after(suggestions);
      suggestions.field = field;
      suggestions.set(options);
    }
  }

  serve();
  new MutationObserver(serve).observe(document.documentElement, { childList: true, subtree: true });
})();
