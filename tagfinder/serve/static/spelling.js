/** Hashtags as they are read out and written. */

/** Return `Warm Light` for `WarmLight`, `US Congress 2022` for `USCongress2022`. */
export function spoken(hashtag) {
  return hashtag
    .replace(/[_\s]+/gu, " ")
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .replace(/(\p{L})(\p{N})/gu, "$1 $2")
    .replace(/(\p{N})(\p{L})/gu, "$1 $2")
    .trim();
}

/** Return `34 %` for 0.337. */
export function percent(probability) {
  return `${Math.round(100 * probability)} %`;
}

/**
 * Return where a hashtag goes in a text: `{start, end, insert}` as for `setRangeText`.
 *
 * It completes a hashtag whose begin stands before the caret; else it goes to the end.
 */
export function placed(hashtag, text, caret) {
  const begun = /(?<![\p{L}\p{N}_])#([\p{L}\p{N}_]*)$/u.exec(text.slice(0, caret));
  if (begun && hashtag.toLowerCase().startsWith(begun[1].toLowerCase())) {
    return { start: begun.index, end: caret, insert: `#${hashtag} ` };
  }
  const kept = text.trimEnd().length;
  return { start: kept, end: text.length, insert: `${kept ? " " : ""}#${hashtag} ` };
}
