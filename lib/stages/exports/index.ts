export { exportDataset } from './export-dataset.js';
export { exportModel } from './export-model.js';
