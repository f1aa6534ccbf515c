import type { Database } from '../data/index.js';

/**
 * SQL that orders ids as JavaScript does: by UTF-16 code units, where DuckDB compares the bytes of UTF-8. The two differ in
 * characters beyond U+FFFF alone, which UTF-16 puts before U+E000: those from there on to U+FFFF are led by U+10FFFF here, and what
 * would pass for a lead by U+10FFFE.
 */
const ID_ORDER = `CREATE OR REPLACE TEMP MACRO id_order(id) AS CASE
  WHEN strlen(id) = length(id) THEN id
  ELSE regexp_replace(regexp_replace(id, '([\\x{10FFFE}\\x{10FFFF}])', '\u{10FFFE}\\1', 'g'), '([\\x{E000}-\\x{FFFF}])', '\u{10FFFF}\\1', 'g')
END`;

/**
 * What to order the ids of a relation by. Ids of ASCII, nearly all there are, order as they are, and a sort by a column takes half as long as
 * by an expression. From here on `id_order(id)` is known.
 */
export async function idOrder({ database, rows }: { readonly database: Database; readonly rows: string }): Promise<string> {
  await database.run(ID_ORDER);
  const [{ ascii }] = await database.rows(`SELECT bool_and(strlen(id) = length(id)) AS ascii FROM ${rows}`);
  return ascii === false ? 'id_order(id)' : 'id';
}
