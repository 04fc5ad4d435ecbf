/** A name that begins so and is in no table is a mistake, unless Kubernetes made it. */
const PREFIX = 'REMEDIATION_AUDIT_';

/**
 * Kubernetes sets these in every pod for each Service of its namespace, so that a Service called remediation-audit-…
 * makes variables that look like ours.
 */
const SERVICE_LINK =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const SERVICE_LINK_URL = /^(?:tcp|udp|sctp):\/\//;

/** More letters wrong, and the nearest name is another word. */
const MOST_EDITS = 6;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Without what Kubernetes set for Services. One called remediation-audit-api makes REMEDIATION_AUDIT_API_PORT, which is a
 * variable of ours too, and what it says (`tcp://10.0.0.7:8085`) is no port.
 */
export function withoutServiceLinks(environment: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) => !(name.startsWith(PREFIX) && isServiceLink(name, value)),
    ),
  );
}

/**
 * One sentence for each variable that is spelled like one of ours and is none, with the nearest name there
 * is: a typo would otherwise go unnoticed. Takes an environment without service links.
 */
export function findUnknownVariables(environment: Environment, known: readonly string[]): readonly string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .map((name) => {
      const nearest = nearestOf(name, known);
      const remedy =
        nearest === undefined ? 'docs/configuration.md lists all' : `did you mean ${nearest}? Else unset it`;
      return `${name} is not a variable of this program; ${remedy}`;
    });
}

/** Of the names that end in `_PORT` only the value decides, because some of ours end so too. */
function isServiceLink(name: string, value = ''): boolean {
  return SERVICE_LINK.test(name) || (name.endsWith('_PORT') && SERVICE_LINK_URL.test(value));
}

/** Undefined when no known name is near enough to have been meant. */
function nearestOf(name: string, known: readonly string[]): string | undefined {
  const [nearest] = known
    .filter((candidate) => candidate.startsWith(PREFIX))
    .map((candidate) => ({ candidate, edits: editsBetween(name, candidate) }))
    .filter(({ edits }) => edits <= MOST_EDITS)
    .sort((one, other) => one.edits - other.edits);
  return nearest?.candidate;
}

/** Letters to insert, delete or replace (Levenshtein). */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(one).entries()) {
    const next = [index + 1];
    for (const [column, wanted] of Array.from(other).entries()) {
      const replaced = (row[column] ?? 0) + Number(letter !== wanted);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
