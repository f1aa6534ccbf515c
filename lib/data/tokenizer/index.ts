export { differentId, type DifferentId } from './different-id.js';
export { cannotEncode, encodedPieces, type EncodedPieces } from './encoded-pieces.js';
export { loadTokenizer, tokenizerJson } from './json.js';
export { createTokenizer, type Tokenizer, type TokenizerParts } from './tokenizer.js';
export { trainTokenizer, type TrainTokenizer } from './train.js';
