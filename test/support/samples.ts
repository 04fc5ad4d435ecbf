/*
 * Samples in documents: a block of `console` with a command and what it prints. A test makes each anew; where that differs from what
 * the document has in more than chance decides, the document is stale.
 */

const SAMPLE = /^```console\n\$ (?<command>[^\n]*)\n(?<output>[^]*?)^```$/gm;

/** What is another at each run, and the spaces and line ends that follow from how long it is. */
const BY_CHANCE: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID'],
  [/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, 'INSTANT'],
  [/\b\d{4}-\d{2}\b/g, 'MONTH'],
  [/\d+(?:\.\d+)? (?:B|KiB|MiB|GiB)/g, 'SIZE'],
  [/~\d+/g, 'ESTIMATE'],
  [/\s+/g, ' '],
];

function essential(output: string): string {
  return BY_CHANCE.reduce((text, [pattern, instead]) => text.replaceAll(pattern, instead), output);
}

export type RunSample = (command: string) => Promise<string>;

export interface Checked {
  /** The document with the samples as they ought to be: each as it was, where only chance differs. */
  readonly text: string;
  readonly commands: readonly string[];
}

export async function checkSamples(document: string, run: RunSample): Promise<Checked> {
  const commands: string[] = [];
  let [text, end] = ['', 0];
  for (const found of document.matchAll(SAMPLE)) {
    const { command = '', output = '' } = found.groups ?? {};
    commands.push(command);
    const now = await run(command);
    const isStale = essential(now) !== essential(output);
    text += document.slice(end, found.index);
    text += isStale ? `\`\`\`console\n$ ${command}\n${now}\`\`\`` : found[0];
    end = found.index + found[0].length;
  }
  return { text: text + document.slice(end), commands };
}
