/** Parquet in and out: hyparquet reads what the world writes, parquetjs-lite writes what the world reads. */
export * from './parquet-read.js';
export * from './parquet-write.js';
export { ParquetScalar } from './parquet-values.js';
