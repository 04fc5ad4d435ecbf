/*
 * JSON of both programs says what it is, as resources of Kubernetes do: `apiVersion` and `kind` before everything else. The schemas are
 * in docs/commands/ and docs/kubectl/.
 */

/** Raised when a member of an answer is removed, renamed or means something else; more members may come at any time. */
export const API_VERSION = 'remediation-audit/v1';

/** The text of a JSON object with what it is, as one line. Every digit of it stays as it is. */
export function jsonDocument(kind: string, object: string): string {
  const members = object.trim().slice(1, -1);
  const head = `"apiVersion":${JSON.stringify(API_VERSION)},"kind":${JSON.stringify(kind)}`;
  return `{${head}${members.trim() === '' ? '' : `,${members}`}}\n`;
}

export function printJson(kind: string, value: object): void {
  process.stdout.write(jsonDocument(kind, JSON.stringify(value)));
}
