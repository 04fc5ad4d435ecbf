/** The only way an identifier that varies gets into a statement. Names come from our own definitions and catalogue. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** PostgreSQL's text of a timestamptz in UTC, as an instant of this product's form. */
export function instantFromSql(text: string): string {
  const [date = '', clock = ''] = text.replace(/\+00$/, '').split(' ');
  const [time = '', fraction = ''] = clock.split('.');
  return `${date}T${time}.${fraction.padEnd(6, '0')}Z`;
}
