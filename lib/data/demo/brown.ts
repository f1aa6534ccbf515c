/** Running text of a Brown-corpus document: `The/at jury/nn said/vbd ./.` becomes `The jury said.` A paragraph is a line. */
export function brownText(tagged: string): string {
  return tagged
    .split(/\n\s*\n/)
    .map(paragraph)
    .filter((text) => text !== '')
    .join('\n');
}

/** Tokens that stand close to the word before or after them. */
const CLOSES = /^(?:[.,;:?!)\]]|''|')+$/;
const OPENS = /^(?:[([]|``|`)+$/;

function paragraph(text: string): string {
  let out = '';
  let last = '';
  let glue = true;
  for (const token of text.split(/\s+/)) {
    const slash = token.lastIndexOf('/');
    if (slash <= 0) continue;
    const word = token.slice(0, slash);
    // the corpus writes ; ? ! twice where they end a sentence
    if (word === last && /^[;:?!,]$/.test(word)) continue;
    // "Jr.." at the end of a sentence
    if (word === '.' && out.endsWith('.')) continue;
    last = word;
    if (!glue && !CLOSES.test(word)) out += ' ';
    out += word.replaceAll('``', '"').replaceAll("''", '"');
    glue = OPENS.test(word);
  }
  return out;
}
