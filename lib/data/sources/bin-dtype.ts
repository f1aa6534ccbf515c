/** How one id lies in a .bin file, little-endian. */
export type BinDtype = 'uint8' | 'int8' | 'int16' | 'uint16' | 'uint32' | 'int32' | 'int64';

/** bytes an id */
export const BIN_WIDTH: Readonly<Record<BinDtype, number>> = { uint8: 1, int8: 1, int16: 2, uint16: 2, uint32: 4, int32: 4, int64: 8 };
