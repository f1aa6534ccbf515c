export { FEATURES_FILE, featureFiles, readRowFeatures, RowFeatures, storedFeatures } from './row-features.js';
export { rateRows } from './rate-rows.js';
