/** file of a scores artifact, and of a selection by scores: columns id, index, source, logit, trained */
export const SCORES_FILE = 'scores.parquet';
