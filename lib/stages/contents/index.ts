export { type CheckpointFiles, movable, writeFiles } from './checkpoint-files.js';
export { type Corpus, openCorpus, openSelection, readJson, type SelectionIndex, type Shards } from './corpus.js';
export { NUMERICS_FILE, type NumericsRecord, readNumerics } from './numerics-record.js';
export { SCORES_FILE } from './scores-file.js';
export { readSkipped, rowsText, type SkippedBatch, skippedBatch, skippedFiles, skippedNote, skippedText } from './skipped.js';
export { readTrainedRows, RowSet, TRAINED_ROWS_FILE, trainedRows, writeTrainedRows } from './trained-rows.js';
