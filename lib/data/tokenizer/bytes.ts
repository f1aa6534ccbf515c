/**
 * Byte-level BPE writes every byte as one printable character, so that its vocabulary is text: printable Latin-1 bytes
 * stand for themselves, the others follow from U+0100 on in byte order.
 */
const printable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;

const characters: string[] = [];
for (let byte = 0, extra = 0x100; byte < 256; byte++) characters.push(String.fromCharCode(printable(byte) ? byte : extra++));
const bytes = new Map(characters.map((character, byte) => [character, byte]));

/** character of each byte, [256] */
export const BYTE_CHARACTERS: readonly string[] = characters;

/** The bytes that a vocabulary entry stands for; undefined where it is not of that alphabet. */
export function bytesOfToken(token: string): Uint8Array | undefined {
  const result = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = bytes.get(token[i]);
    if (byte === undefined) return undefined;
    result[i] = byte;
  }
  return result;
}
