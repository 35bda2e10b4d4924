/**
 * The length of a post by the rule of each network.
 *
 * Sources: X, twitter-text configuration v3; Mastodon, `StatusLengthValidator`;
 * Bluesky, the lexicon `app.bsky.feed.post`.
 */

const X_LIMIT = 280;
const MASTODON_LIMIT = 500;
const BLUESKY_LIMIT = 300;
/** X and Mastodon count every address as this many characters. */
const ADDRESS_LENGTH = 23;

/** Code points that X counts once, first and last; it counts all others twice. */
const X_SINGLE = [[0x0, 0x10ff], [0x2000, 0x200d], [0x2010, 0x201f], [0x2032, 0x2037]];
/** An emoji, also one with a variation selector that it does not need, or a keycap without its own. */
const EMOJI = /\p{RGI_Emoji}\uFE0F?|\p{Extended_Pictographic}\uFE0F|[\d#*]\u20E3/gv;
const X_EMOJI_LENGTH = 2;

const WORD_BEFORE = String.raw`(?<![\p{L}\p{N}@$#])`;
const HOST = String.raw`(?:[\p{L}\p{N}](?:[\p{L}\p{N}_\-]*[\p{L}\p{N}])?\.)+`;
const IN_PATH = String.raw`[\p{Script=Latin}\p{Script=Cyrillic}\d!*';:=+,.$\/%#\[\]\-–_~@|&?()]`;
/** A path ends before punctuation that belongs to the sentence. */
const PATH_END = String.raw`[\p{Script=Latin}\p{Script=Cyrillic}\d+\-=_#\/]`;
const REST = String.raw`(?::\d+)?(?:\/(?:${IN_PATH}*${PATH_END})?|\?${IN_PATH}*${PATH_END})?`;
/** X's own short addresses end where letters and digits end. */
const SHORT = String.raw`${WORD_BEFORE}https?:\/\/t\.co\/[a-z0-9]+`;
const WITH_SCHEME = String.raw`${WORD_BEFORE}https?:\/\/${HOST}\p{L}{2,}${REST}`;
/** Endings under which X takes a name without https:// for an address: countries, common others. */
const ENDINGS = [
  "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs",
  "bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec",
  "ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy",
  "hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz",
  "la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx",
  "my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re",
  "ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th",
  "tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw",
  "com org net edu gov mil int info biz app dev news blog shop online site xyz tech",
].join(" ").replaceAll(" ", "|");
const WITHOUT_SCHEME = String.raw`(?<![\p{L}\p{N}@$#_.\/\-])${HOST}(?:${ENDINGS})(?![\p{L}\p{N}@])${REST}`;
const X_ADDRESS = new RegExp(`${SHORT}|${WITH_SCHEME}|${WITHOUT_SCHEME}`, "giu");
const MASTODON_ADDRESS = new RegExp(WITH_SCHEME, "giu");
/** `@name@server`, of which Mastodon counts `@name`. */
const MASTODON_HANDLE = /(?<![=\/\p{L}\p{N}_])(@[a-z0-9_]+(?:[.\-]+[a-z0-9_]+)*)@[\p{L}\p{N}_]+(?:[.\-]+[\p{L}\p{N}_]+)*/giu;

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

function graphemes(text) {
  return Array.from(segmenter.segment(text)).length;
}

/** Return a length that counts every match of `pattern` as `each`, and the text between by `rest`. */
function lengthAround(text, pattern, each, rest) {
  const between = text.split(pattern);
  return between.reduce((sum, part) => sum + rest(part), (between.length - 1) * each);
}

function weightOnX(text) {
  let weight = 0;
  for (const character of text) {
    const point = character.codePointAt(0);
    weight += X_SINGLE.some(([first, last]) => first <= point && point <= last) ? 1 : 2;
  }
  return weight;
}

export function lengthOnX(text) {
  const withoutAddresses = (part) => lengthAround(part, EMOJI, X_EMOJI_LENGTH, weightOnX);
  return lengthAround(text.normalize("NFC"), X_ADDRESS, ADDRESS_LENGTH, withoutAddresses);
}

export function lengthOnMastodon(text) {
  const withoutAddresses = (part) => graphemes(part.replace(MASTODON_HANDLE, "$1"));
  return lengthAround(text, MASTODON_ADDRESS, ADDRESS_LENGTH, withoutAddresses);
}

export function lengthOnBluesky(text) {
  return graphemes(text);
}

export const NETWORKS = [
  { name: "X", limit: X_LIMIT, length: lengthOnX },
  { name: "Mastodon", limit: MASTODON_LIMIT, length: lengthOnMastodon },
  { name: "Bluesky", limit: BLUESKY_LIMIT, length: lengthOnBluesky },
];
