/** The only way an identifier that varies gets into a statement. Names come from our own definitions and catalogue. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * A timestamptz as an instant, for statements that also run on connections whose driver makes a `Date` of it or whose
 * session has another zone. Everywhere else `instantFromSql` reads the text of the row.
 */
export function instantText(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
